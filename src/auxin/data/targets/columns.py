"""Columns of a table as targets, and the columns that say which rows go where."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auxin.data.encoders.contract import LabelForm
from auxin.data.encoders.dates import form_of
from auxin.data.reading.marks import TRUTH, truth
from auxin.data.targets.cells import Column, TargetColumn, as_number, cells_of, refuse_odd, word
from auxin.data.targets.guess import MOST_CLASSES, of_numbers
from auxin.data.targets.lists import listed, says_lists, vectors
from auxin.data.targets.numbering import lone_note, numbering_note
from auxin.data.targets.single import single
from auxin.data.targets.specs import DENSE, TargetSpec
from auxin.errors import DataError
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector
from auxin.typing import MISSING

UNIQUE = 20
"""From so many rows on a target whose classes occur once each is refused: it is a name or an ID."""
SHOWN = 8
"""So many names of classes are printed."""
Made = tuple[Task, Tensor, list[str]]
"""A task, its targets, and what was decided, in sentences."""


def target_of(frame: Any, spec: TargetSpec) -> Made:
    """The task that one column or several make, and its targets; dense kinds are made elsewhere.

    Raises:
        DataError: A column has no values, only one class, or no numbers where numbers are needed.
    """
    check_cells(frame[list(spec.columns)])
    columns = [frame[name] for name in spec.columns]
    read = [cells_of(column, spec) for column in columns]
    for cells in read:
        if not cells.words:
            found = "every cell empty, or a mark of a missing value"
            raise DataError(f"The target {cells.name!r} has no values", found=found)
    notes = [note for cells in read for note in cells.notes]
    kind = spec.kind or (guess(read[0], columns[0]) if len(read) == 1 else None)
    if kind is None:  # columns of yes and no are attributes; others are components of a vector
        truths = all(w.lower() in TRUTH for cells in read for w in cells.words)
        kind = "multilabel" if truths else "vector"
    if kind == "multilabel":
        task, target, said = _attributes(spec, read)
        return task, target, [*notes, *said]
    if kind == "vector" and len(read) == 1 and (rows := vectors(read[0].words)) is not None:
        table = single(spec.name, np.append(rows, np.full((1, rows.shape[1]), np.nan), 0))
        return Vector(spec.name, rows.shape[1]), torch.from_numpy(table[read[0].codes]), notes
    if kind in ("vector", "regression"):
        task, target = _real(spec, kind, read, columns)
        of_one = (numbering_note, lone_note) if kind == "regression" else ()
        return task, target, [*notes, *(note for said in of_one for note in said(spec.name, target))]
    if kind in DENSE:
        raise DataError(
            f"The target {spec.name!r} cannot be {kind}",
            expected="an image table, whose rows have mask files (--image COLUMN)",
            found="a table without images",
        )
    task, target, said = _classes(spec.name, read[0], Ordered if kind == "ordered" else Classes)
    return task, target, [*notes, *said]


def form_of_labels(frame: Any, spec: TargetSpec) -> LabelForm | None:
    """How a target of one column is written, for the labels of new rows; None of several columns."""
    return cells_of(frame[spec.columns[0]], spec).form if len(spec.columns) == 1 else None


def guess(cells: TargetColumn, column: Column) -> str:
    """Words and few whole numbers are classes, other numbers regression, lists of labels multilabel."""
    refuse_odd(cells, column)
    if cells.numbers is None:
        if vectors(cells.words) is not None:
            return "vector"
        if says_lists(cells.words):
            return "multilabel"
        if len(cells.words) > MOST_CLASSES and form_of(pd.Series(cells.words, dtype="str")) is not None:
            raise DataError(
                f"The target {cells.name!r} holds dates",
                expected="numbers, or words that name classes",
                found=f"{len(cells.words):,} different dates, such as {cells.words[0]}",
                do=f"Write it as a number, such as days since a date, or say --kind {cells.name}=classes",
            )
        return "classes"
    return of_numbers(cells.numbers)


def _real(
    spec: TargetSpec, kind: str, read: Sequence[TargetColumn], columns: Sequence[Column]
) -> tuple[Task, Tensor]:
    for cells, column in zip(read, columns, strict=True):
        refuse_odd(cells, column)
        if cells.numbers is None:
            odd = next((w for w in cells.words if np.isnan(as_number(w))), cells.words[0])
            raise DataError(
                f"The column {cells.name!r} is not numbers",
                expected="numbers",
                found=f"{odd!r}",
                do=f"Correct such cells, or say that they are missing: --missing {cells.name}={odd}",
            )
        check_finite(cells)
    made = single(spec.name, np.stack([_values(cells, np.asarray(cells.numbers)) for cells in read], 1))
    if kind == "vector":
        return Vector(spec.name, len(read)), torch.from_numpy(made)
    if len({*made[~np.isnan(made)].tolist()}) < 2:
        raise DataError(
            f"The target {spec.name!r} is the same in every row",
            expected="numbers that differ, or there is nothing to learn",
            found=f"only {read[0].words[0]}",
            do="Name another target",
        )
    return Regression(spec.name), torch.from_numpy(made[:, 0].copy())


def check_finite(cells: TargetColumn) -> None:
    """Refuse numbers that float32 cannot hold."""
    values = np.asarray(cells.numbers)
    bad = ~(np.abs(values) <= np.finfo(np.float32).max)
    if bad.any():
        row = int(np.flatnonzero(np.isin(cells.codes, np.flatnonzero(bad)))[0])
        raise DataError(
            f"The column {cells.name!r} holds a number that is not usable",
            expected="finite numbers below 3e38",
            found=f"{values[cells.codes[row]]} in row {row}",
        )


def _values(cells: TargetColumn, of_words: np.ndarray) -> np.ndarray:
    """The rows' values, NaN where missing."""
    return np.append(of_words.astype(np.float64), np.nan)[cells.codes]


def _classes(name: str, cells: TargetColumn, make: Any) -> Made:
    """Classes in the order of their numbers, or of the alphabet; words of one meaning are one class."""
    keys: list[Any] = list(cells.words if cells.numbers is None else cells.numbers.tolist())
    if cells.ranks is not None:
        keys = list(cells.ranks)
    elif all(w.lower() in TRUTH for w in cells.words):
        keys = [TRUTH[w.lower()] for w in cells.words]
    counts = np.bincount(cells.codes[cells.known], minlength=len(cells.words))
    most = sorted(range(len(keys)), key=lambda place: -counts[place])
    called = {key: cells.words[place] for place in reversed(most) for key in [keys[place]]}
    order = {key: number for number, key in enumerate(sorted(called))}
    if len(order) < 2:
        raise DataError(
            f"The target {name!r} has too few classes",
            expected="at least two",
            found=f"only {next(iter(called.values()))!r}",
        )
    if len(order) == counts.sum() >= UNIQUE:
        raise DataError(
            f"The target {name!r} is different in every row",
            expected="classes that occur in several rows; a class with one row cannot be held out",
            found=f"{len(order):,} classes in {counts.sum():,} rows, such as {called[keys[0]]!r}",
            do="Name another target, or a column of what these values have in common",
        )
    table = np.array([*(order[key] for key in keys), MISSING], dtype=np.int64)
    names = [called[key] for key in order]
    said = _spellings(name, names, zip(keys, cells.words, strict=True))
    if make is Ordered and cells.numbers is None and cells.ranks is None and not truth(cells.words):
        shown = " < ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
        said.append(
            f"The order of {name!r} is that of the alphabet: {shown}. If another one is meant, begin the words with "
            "numbers (1 low, 2 high), or give an ordered category."
        )
    return make(name, len(order), label_names=names), torch.from_numpy(table[cells.codes]), said


def _spellings(name: str, classes: Sequence[str], words: Iterable[tuple[Any, str]]) -> list[str]:
    """Sentences on words that are one class although they differ, and on classes that differ only in case."""
    joined, cases = defaultdict(list), defaultdict(list)
    for key, w in words:
        joined[key].append(w)
    for w in classes:
        cases[w.casefold()].append(w)
    same = [" = ".join(sorted(group)) for group in joined.values() if len(group) > 1]
    apart = [" and ".join(sorted(group)) for group in cases.values() if len(group) > 1]
    return [
        *([f"Spellings of one class of {name!r}: {_shown(same)}."] if same else []),
        *([f"Classes of {name!r} that differ only in capital letters: {_shown(apart)}."] if apart else []),
    ]


def _attributes(spec: TargetSpec, read: Sequence[TargetColumn]) -> Made:
    """Several columns of yes and no, or one whose cells list what is there."""
    if len(read) > 1:
        made = np.stack([_yes(cells) for cells in read], 1).astype(np.float32)
        return Multilabel(spec.name, len(read), list(spec.columns)), torch.from_numpy(made), []
    cells = read[0]
    found = listed(spec.name, cells.words)
    if not found.labels:
        raise DataError(f"The target {spec.name!r} has no labels", found="empty lists alone")
    table = np.full((len(cells.words) + 1, len(found.labels)), np.nan, np.float32)
    for place, w in enumerate(cells.words):
        table[place] = [label in found.cells[w] for label in found.labels]
    said = f"Labels of {spec.name!r}: {_shown(found.labels)}; {found.format}"
    empty = int((~cells.known).sum())
    gaps = f"; {empty:,} empty cells have no known labels" if empty else ""
    return (
        Multilabel(spec.name, len(found.labels), found.labels),
        torch.from_numpy(table[cells.codes]),
        [f"{said}{gaps}."],
    )


def _yes(cells: TargetColumn) -> np.ndarray:
    """1 and 0 for yes and no, however they are written; NaN where missing."""
    if odd := sorted({w for w in cells.words if w.lower() not in TRUTH}):
        raise DataError(
            f"The column {cells.name!r} is no yes-or-no attribute",
            expected=f"one of: {', '.join(TRUTH)}",
            found=", ".join(odd[:5]),
        )
    return _values(cells, np.array([TRUTH[w.lower()] for w in cells.words]))


def check_cells(frame: Any) -> None:
    """Refuse cells that hold several values, or bytes: nothing that compares values can take them."""
    for name in frame.columns[frame.dtypes == np.object_]:
        cell = next(iter(frame[name].dropna()), None)
        if isinstance(cell, list | dict | tuple | set | np.ndarray | bytes):
            several = "bytes that are no text" if isinstance(cell, bytes) else "several values in a cell"
            raise DataError(
                f"The column {str(name)!r} holds {several}",
                expected="a number or a word per cell",
                found=type(cell).__name__,
                do=f"Write it as numbers or words, or leave it out: --ignore {name}",
            )


def split_rows(frame: Any, split: str | None) -> Tensor:
    """Which rows a column of the words train and test marks as test rows; none without such a column."""
    if split is None:
        return torch.zeros(len(frame), dtype=torch.bool)
    said = frame[split].astype(object).fillna("an empty cell").astype(str).str.strip().str.lower()
    if odd := sorted(set(said) - {"train", "test"}):
        raise DataError(
            f"The column {split!r} marks no split", expected="train or test", found=", ".join(odd[:5])
        )
    return torch.tensor((said == "test").tolist())


def groups_of(frame: Any, group: str | None) -> tuple[str, ...] | None:
    """The group of each row; "" where the cell is empty: such a row is a group of its own."""
    return None if group is None else tuple("" if pd.isna(v) else f"={word(v)}" for v in frame[group])


def kinds_note(tasks: Mapping[str, Task], stated: Collection[str] = ()) -> str:
    """A sentence on which kind each target is, with its classes, and on how to change a guess.

    Args:
        tasks: The targets.
        stated: The names of those whose kind the user gave.
    """
    kinds = ", ".join(f"{name} ({_described(task)})" for name, task in tasks.items())
    guessed = [name for name in tasks if name not in stated]
    how = f" Guessed: {', '.join(guessed)}; change this with --kind NAME=KIND." if guessed else ""
    return f"Targets: {kinds}.{how}"


def _described(task: Task) -> str:
    """A task's kind as a user writes it, and its classes."""
    kind = type(task).__module__.rpartition(".")[2]
    names = getattr(task, "label_names", ())
    return f"{kind}: {_shown(names)}" if names else kind


def _shown(names: Sequence[str]) -> str:
    more = f" ... {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(name[:40] for name in names[:SHOWN]) + more


def text_note(texts: Sequence[str], words: int, sparse: bool) -> list[str]:
    """A sentence on which input columns are text, if any, and on how they are kept."""
    kept = "; kept sparse" if sparse else ""
    made = f"Text, as TF-IDF of the training rows' {words:,} most frequent words at most: {', '.join(texts)}{kept}."
    return [made] if texts else []
