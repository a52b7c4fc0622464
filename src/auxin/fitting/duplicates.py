"""Rows whose inputs are equal: copies of one another stay on one side of a fold, so that no score is that of copies."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from auxin.data import Dataset
from auxin.data.reading.content import CONTENT, LABELLED
from auxin.fitting.of_dataset import vectors

MANY = 0.5
"""If at least this share of the rows are different, equal ones are kept together in any case."""


@dataclass(frozen=True, eq=False)
class Duplicates:
    """How equal rows are treated.

    Attributes:
        groups: The group of every training row, labelled ones first; "" for a row by itself. None: no groups.
        unlabelled: The rows without a main label that take part.
        notes: Sentences on what was decided.
    """

    groups: list[str] | None
    unlabelled: Tensor
    notes: list[str]


def group_duplicates(dataset: Dataset, labelled: Tensor, unlabelled: Tensor) -> Duplicates:
    """Put labelled rows of equal inputs into one group, and leave out unlabelled rows that repeat a labelled one.

    If a copy of a held-out row is among the rows that train, the score is that of rows which the model knows. With few
    different inputs (one category, four doses) rows are equal by coincidence, and folds that hold out whole values
    would answer another question. So rows are kept together if at least half of the training rows are different, or
    if fractional inputs tell the different rows apart and rows of equal inputs have equal labels. Groups that the
    data set has are left as they are.

    Args:
        dataset: The data set, fitted on the training rows.
        labelled: The training rows with a main label.
        unlabelled: Those without one.
    """
    rows = torch.cat([labelled, unlabelled])
    marks = [dataset.marks[row] for row in rows.tolist()]
    inputs, count = [mark[:CONTENT] for mark in marks], len(labelled)
    known = Counter(inputs[:count])
    copies = [place for place in range(count, len(rows)) if inputs[place] in known]
    several = sum(number for number in known.values() if number > 1)
    if dataset.groups is not None or not (several or copies) or len({*inputs}) < 2:
        own = None if dataset.groups is None else [dataset.groups[row] for row in rows.tolist()]
        return Duplicates(own, unlabelled, [])
    kinds = [f"{several:,} of the {count:,} labelled ones"] if several else []
    kinds += [f"{len(copies):,} without a main label"] if copies else []
    said = f"Rows that have the same inputs as another, labelled row: {' and '.join(kinds)}"
    if len({*inputs}) < MANY * len(rows) and not _copied(dataset, rows, marks, count):
        more = (
            f"{said} ({len({*inputs}):,} different inputs). They may be in different folds, and scores hold for new "
            "rows like these. If they are copies of one another, leave out the copies."
        )
        return Duplicates(None, unlabelled, [more])
    left = torch.ones(len(unlabelled), dtype=torch.bool)
    left[[place - count for place in copies]] = False
    groups = [one.hex() if known[one] > 1 else "" for one in inputs[:count]] + [""] * int(left.sum())
    done = ["Labelled rows with the same inputs stay in one fold, and count as one group"] if several else []
    done += ["Those without a main label take no part"] if copies else []
    return Duplicates(groups if several else None, unlabelled[left], [f"{said}. {'. '.join(done)}."])


def _copied(dataset: Dataset, rows: Tensor, marks: list[bytes], count: int) -> bool:
    """Whether equal rows are copies: their labels agree, and fractional inputs tell most different rows apart."""
    inputs, labels = ({mark[:size] for mark in marks[:count]} for size in (CONTENT, LABELLED))
    if len(labels) > len(inputs):
        return False
    first = {mark[:CONTENT]: place for place, mark in reversed(list(enumerate(marks)))}
    x = vectors(dataset, rows[sorted(first.values())])
    values = np.nan_to_num(x.toarray() if issparse(x) else np.asarray(x))  # type: ignore[attr-defined]
    fractional = values[:, (values != np.round(values)).any(0)]
    return len(np.unique(fractional, axis=0)) >= MANY * len(first)
