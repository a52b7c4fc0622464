"""A bounded part of the training rows, so that the time and the memory of a search do not grow with the data."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor

from auxin.data import Dataset, Splits
from auxin.data.reading.content import ranked
from auxin.math.sparse import SparseRows

MAX_ROWS = 20_000
"""Labelled rows that take part in a search, and as many without a main label, where nothing else is given."""


@dataclass(frozen=True, eq=False)
class SearchRows:
    """The rows of a search.

    Attributes:
        dataset: The data set, or a part of it where that is smaller.
        labelled, unlabelled, test: Training rows with a main label and without one, and test rows, by number.
    """

    dataset: Dataset
    labelled: Tensor
    unlabelled: Tensor
    test: Tensor


def rows_within(dataset: Dataset, splits: Splits, most: int, notify: Callable[[str], None]) -> SearchRows:
    """At most `most` training rows with a main label, of every class its share and at least one, and as many without.

    Args:
        dataset: The data.
        splits: The rows' roles; validation and auxiliary rows train too.
        most: Number of rows.
        notify: Function that receives a sentence where rows are left out.
    """
    every = torch.cat([splits.train, splits.validation, splits.auxiliary])
    labelled, unlabelled = (
        _share(dataset, every, most),
        splits.unlabelled[:most],
    )  # these in the order of their hashes
    if len(labelled) == len(every) and len(unlabelled) == len(splits.unlabelled):
        return SearchRows(dataset, labelled, unlabelled, splits.development)
    for kind, part, whole in (("with", labelled, every), ("without", unlabelled, splits.unlabelled)):
        if len(part) < len(whole):
            notify(
                f"Of {len(whole):,} training rows {kind} a main label, a random {len(part):,} take part. More of them "
                "take more time and memory: --max-rows (max_rows= in Python)."
            )
    used = torch.cat([labelled, unlabelled, splits.development])
    first, second = len(labelled), len(labelled) + len(unlabelled)
    place = torch.arange(len(used))
    return SearchRows(taken(dataset, used), place[:first], place[first:second], place[second:])


def _share(dataset: Dataset, rows: Tensor, most: int) -> Tensor:
    if len(rows) <= most:
        return rows
    order, y = torch.tensor(ranked(rows.tolist(), dataset.marks, "most rows")), dataset.y[dataset.main]
    if y.dim() > 1 or y.is_floating_point():
        return order[:most]
    labels = y[order]
    parts = [order[labels == label] for label in labels.unique()]
    return torch.cat([part[: ceil(most * len(part) / len(order))] for part in parts])


def taken(dataset: Dataset, rows: Tensor) -> Dataset:
    """A data set of some rows of another."""
    some = lambda x: x.take(rows) if isinstance(x, SparseRows) else x[rows]  # noqa: E731
    groups = None if dataset.groups is None else tuple(dataset.groups[row] for row in rows.tolist())
    return replace(
        dataset,
        x=some(dataset.x),
        y={name: y[rows] for name, y in dataset.y.items()},
        official_test=dataset.official_test[rows],
        blank=None if dataset.blank is None else some(dataset.blank),
        raw=None if dataset.raw is None else dataset.raw.iloc[rows.tolist()].reset_index(drop=True),
        groups=groups,
    )
