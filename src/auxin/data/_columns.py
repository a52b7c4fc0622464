"""Columns of a table as targets, which of them are no inputs, and what gives the target away."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auxin.data._encoder_columns import as_numbers
from auxin.errors import ConfigError, DataError, message
from auxin.tasks._base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.typing import MISSING

Column = Any
"""A pandas Series; pandas has no types that a checker can follow."""
KINDS = ("classes", "ordered", "regression")
MOST_CLASSES = 20
"""Whole numbers of more different values than this are regression, unless said otherwise."""


def parse_kinds(kinds: str) -> dict[str, str]:
    """Kinds as a user writes them: "quality=ordered,price=regression".

    >>> parse_kinds("quality=ordered, price=regression")
    {'quality': 'ordered', 'price': 'regression'}
    """
    pairs = [word.strip().rpartition("=") for word in kinds.split(",") if word.strip()]
    for name, _, kind in pairs:
        if not name or kind not in KINDS:
            raise ConfigError(
                message(
                    "A kind of target is not clear", expected=f"COLUMN={'|'.join(KINDS)}", found=repr(kinds)
                )
            )
    return {name: kind for name, _, kind in pairs}


def target_of(where: str, column: Column, kind: str | None) -> tuple[Task, Tensor]:
    """The task that a column makes, and its targets.

    Raises:
        DataError: the column has no values, only one class, or no numbers where numbers are needed.
    """
    name = str(column.name)
    known = column.dropna()
    if known.empty:
        raise DataError(message(f"The target {name!r} of {where} has no values", found="every cell empty"))
    if (kind or guess(known)) == "regression":
        return Regression(name), torch.from_numpy(as_numbers(where, column).astype(np.float32))
    values = pd.Categorical(column)
    if len(values.categories) < 2:
        raise DataError(
            message(
                f"The target {name!r} of {where} has too few classes",
                expected="at least two",
                found=f"only {_word(values.categories[0])!r}",
            )
        )
    make = Ordered if kind == "ordered" else Classes
    codes = torch.from_numpy(np.where(values.codes < 0, MISSING, values.codes).astype(np.int64))
    return make(name, len(values.categories), label_names=[_word(v) for v in values.categories]), codes


def guess(known: Column) -> str:
    """Words, booleans and few whole numbers are classes; other numbers are regression."""
    if not pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known):
        return "classes"
    whole = bool((known == np.floor(known)).all())
    return "classes" if whole and known.nunique() <= MOST_CLASSES else "regression"


def _word(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


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


def kinds_said(tasks: Mapping[str, Task]) -> str:
    """A sentence on which kind each target is."""
    kinds = ", ".join(f"{name} ({type(task).__name__.lower()})" for name, task in tasks.items())
    return f"Targets: {kinds}."


def words(text: str | Sequence[str]) -> list[str]:
    """Names given as a list or separated by commas."""
    return [w.strip() for w in (text.split(",") if isinstance(text, str) else text) if w.strip()]


def text_said(texts: Sequence[str]) -> list[str]:
    """A sentence on which input columns are text, if any."""
    return [f"Text, as TF-IDF of the training rows' words: {', '.join(texts)}."] if texts else []
