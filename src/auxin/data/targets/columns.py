"""Columns of a table as targets, which of them are no inputs, and what gives the target away."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auxin.data.encoders.cells import as_numbers, check_mixed, check_words
from auxin.data.encoders.text import MOST_WORDS, most_words
from auxin.data.targets.specs import DENSE, Spec
from auxin.errors import DataError, message
from auxin.tasks._base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector
from auxin.typing import MISSING

Column = Any
"""A pandas Series; pandas has no types that a checker can follow."""
MOST_CLASSES = 20
"""Whole numbers of more different values than this are regression, unless said otherwise."""


def target_of(where: str, frame: Any, spec: Spec) -> tuple[Task, Tensor]:
    """The task that one column or several make, and its targets; dense kinds are made elsewhere.

    Raises:
        DataError: a column has no values, only one class, or no numbers where numbers are needed.
    """
    columns = [_blanked(frame[name], spec) for name in spec.columns]
    for column in columns:
        if column.dropna().empty:
            raise DataError(
                message(f"The target {str(column.name)!r} of {where} has no values", found="every cell empty")
            )
    kind = spec.kind or (guess(where, columns[0].dropna()) if len(columns) == 1 else _guess_several(columns))
    if kind == "multilabel":
        return _attributes(where, spec, columns)
    if kind in ("vector", "regression"):
        made = np.stack([as_numbers(where, column) for column in columns], 1).astype(np.float32)
        if kind == "vector":
            return Vector(spec.name, len(columns)), torch.from_numpy(made)
        return Regression(spec.name), torch.from_numpy(made[:, 0].copy())
    if kind in DENSE:
        raise DataError(
            message(
                f"The target {spec.name!r} of {where} cannot be {kind}",
                expected="an image table, whose rows have mask files (--image COLUMN)",
                found="a table without images",
            )
        )
    return _classes(where, spec.name, columns[0], Ordered if kind == "ordered" else Classes)


def _blanked(column: Column, spec: Spec) -> Column:
    """The column with its own word for a missing label taken as missing."""
    if spec.missing is None:
        return column
    return column.mask([_word(value) == spec.missing for value in column])


def _classes(where: str, name: str, column: Column, make: Any) -> tuple[Task, Tensor]:
    if column.dtype == object and len({type(value) for value in column.dropna()}) > 1:
        column = column.map(_word, na_action="ignore")
    values = pd.Categorical(column)
    if len(values.categories) < 2:
        raise DataError(
            message(
                f"The target {name!r} of {where} has too few classes",
                expected="at least two",
                found=f"only {_word(values.categories[0])!r}",
            )
        )
    codes = torch.from_numpy(np.where(values.codes < 0, MISSING, values.codes).astype(np.int64))
    return make(name, len(values.categories), label_names=[_word(v) for v in values.categories]), codes


def _attributes(where: str, spec: Spec, columns: Sequence[Column]) -> tuple[Task, Tensor]:
    """Several columns of yes and no, or one whose cells list what is there: "red;small"."""
    if len(columns) > 1:
        made = np.stack([_yes(where, column) for column in columns], 1)
        return Multilabel(spec.name, len(columns), list(spec.columns)), torch.from_numpy(made)
    check_words(where, columns[0])
    split = _listed(columns[0])
    names = sorted({word for cell in split if cell is not None for word in cell})
    made = np.full((len(split), len(names)), np.nan, np.float32)
    for row, cell in enumerate(split):
        if cell is not None:
            made[row] = [name in cell for name in names]
    return Multilabel(spec.name, len(names), names), torch.from_numpy(made)


def _listed(column: Column) -> list[set[str] | None]:
    cells = [None if pd.isna(cell) else str(cell).split(";") for cell in column]
    return [None if cell is None else {word.strip() for word in cell if word.strip()} for cell in cells]


def _yes(where: str, column: Column) -> np.ndarray:
    """1 and 0 for yes and no, however they are written; NaN where missing."""
    said = [None if pd.isna(cell) else _word(cell).strip().lower() for cell in column]
    if odd := sorted({word for word in said if word is not None and word not in _YES}):
        raise DataError(
            message(
                f"The column {str(column.name)!r} of {where} is no yes-or-no attribute",
                expected=f"one of: {', '.join(_YES)}",
                found=", ".join(odd[:5]),
            )
        )
    return np.array([np.nan if word is None else _YES[word] for word in said], np.float32)


_YES = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def _guess_several(columns: Sequence[Column]) -> str:
    """Columns of yes and no are attributes; others are components of a vector."""
    cells = {_word(cell).strip().lower() for column in columns for cell in column.dropna()}
    return "multilabel" if cells <= set(_YES) else "vector"


def guess(where: str, known: Column) -> str:
    """Words, booleans and few whole numbers are classes, other numbers regression, lists "a;b" attributes."""
    if not pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known):
        check_mixed(where, known)
        lists = [str(value) for value in known if ";" in str(value)]
        return "multilabel" if lists else "classes"
    whole = bool((known == np.floor(known)).all())
    return "classes" if whole and known.nunique() <= MOST_CLASSES else "regression"


def _word(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def check_cells(where: str, frame: Any) -> None:
    """Refuse cells that hold several values, as Parquet's lists do: nothing that compares values can take them."""
    for name in frame.columns:
        cell = next(iter(frame[name].dropna()), None) if frame[name].dtype == object else None
        if isinstance(cell, list | dict | tuple | set | np.ndarray):
            raise DataError(
                message(
                    f"The column {str(name)!r} of {where} holds several values in a cell",
                    expected="a number or a word per cell",
                    found=type(cell).__name__,
                    do=f"Spread it over columns, or leave it out: --ignore {name}",
                )
            )


def useless(frame: Any) -> list[str]:
    """Columns that teach nothing: empty, of one value, or a running number."""
    return [str(name) for name in frame.columns if frame[name].nunique() < 2 or _running(frame[name])]


def _running(column: Column) -> bool:
    if not pd.api.types.is_integer_dtype(column) or len(column) < 3:
        return False
    steps = column.diff().iloc[1:]
    return bool((steps == 1).all())


def gives_away(frame: Any, target: Column) -> list[str]:
    """Columns that hold the target itself: equal to it, in bijection with it, or exactly linear in it."""
    codes, classes = pd.factorize(target)
    few = len(classes) <= len(target) // 2
    found = []
    for name in frame.columns:
        column = frame[name]
        if (few and _bijection(pd.factorize(column)[0], codes)) or _linear(column, target):
            found.append(str(name))
    return found


def _bijection(one: np.ndarray, two: np.ndarray) -> bool:
    pairs = {*zip(one.tolist(), two.tolist(), strict=True)}
    return 1 < len(pairs) == len(set(one.tolist())) == len(set(two.tolist()))


def _linear(one: Column, two: Column) -> bool:
    if not (pd.api.types.is_float_dtype(one) and pd.api.types.is_float_dtype(two)):
        return bool(one.equals(two))
    both = one.notna() & two.notna()
    a, b = one[both].to_numpy(float), two[both].to_numpy(float)
    if len(a) < 3 or a.std() == 0 or b.std() == 0 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > 1 - 1e-12)


def split_rows(where: str, frame: Any, split: str | None) -> Tensor:
    """Which rows a column of the words train and test marks as test rows; none without such a column."""
    if split is None:
        return torch.zeros(len(frame), dtype=torch.bool)
    said = frame[split].astype(str).str.strip().str.lower()
    if odd := sorted(set(said) - {"train", "test"}):
        raise DataError(
            message(
                f"The column {split!r} of {where} marks no split",
                expected="train or test",
                found=", ".join(odd[:5]),
            )
        )
    return torch.tensor((said == "test").tolist())


def groups_of(frame: Any, group: str | None) -> tuple[str, ...] | None:
    """The group of each row; "" where the cell is empty: such a row is a group of its own."""
    return None if group is None else tuple("" if pd.isna(v) else f"={_word(v)}" for v in frame[group])


def kinds_said(tasks: Mapping[str, Task]) -> str:
    """A sentence on which kind each target is."""
    kinds = ", ".join(f"{name} ({_kind(task)})" for name, task in tasks.items())
    return f"Targets: {kinds}."


def _kind(task: Task) -> str:
    """A task's kind as a user writes it."""
    return type(task).__module__.rpartition(".")[2]


def text_said(texts: Sequence[str], rows: int) -> list[str]:
    """A sentence on which input columns are text, if any, and on what many rows cost."""
    fewer = most_words(rows)
    cut = "" if fewer == MOST_WORDS else f" (the {fewer:,} most frequent ones: there are {rows:,} rows)"
    return [f"Text, as TF-IDF of the training rows' words{cut}: {', '.join(texts)}."] if texts else []
