"""Columns of a user's own data as targets: the kind of task they make, numbered classes, missing labels."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError, message
from auxin.tasks._base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector
from auxin.typing import MISSING


def listed(target: str, aux: str | Sequence[str]) -> list[str]:
    """The names of all targets, the main one first.

    Raises:
        ConfigError: a name is given twice.
    """
    words = aux.split(",") if isinstance(aux, str) else list(aux)
    names = [target, *(word.strip() for word in words if word.strip())]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ConfigError(
            message("A target is named twice", expected="each name once", found=", ".join(twice))
        )
    return names


def pick(where: str, columns: Mapping[str, Any], name: str) -> Any:
    """A column by name.

    Raises:
        DataError: there is none of that name; the nearest are offered.
    """
    if name not in columns:
        known = [str(column) for column in columns]
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        raise DataError(
            message(
                f"{where} has no column {name!r}",
                expected=f"one of: {', '.join(known)}",
                do=f"Did you mean {' or '.join(map(repr, near))}?"
                if near
                else "Name another with --target or --aux",
            )
        )
    return columns[name]


def task_of(where: str, name: str, values: np.ndarray, rows: int) -> tuple[Task, Tensor]:
    """The task that a column makes, and its targets.

    Text, booleans and whole numbers are classes; fractional numbers are regression, or a vector where [N, D].

    Raises:
        DataError: the values do not fit the rows, or make no task.
    """
    if values.shape[:1] != (rows,) or values.ndim > 2 or values.dtype.kind not in "biufUS":
        raise DataError(
            message(
                f"The target {name!r} of {where} is not usable",
                expected=f"{rows} numbers or words",
                found=f"{values.dtype} {list(values.shape)}",
            )
        )
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "f" and not _whole(values):
        return _real(where, name, torch.from_numpy(values.astype(np.float32)))
    if values.ndim == 2:
        raise DataError(
            message(
                f"The target {name!r} of {where} has two axes",
                expected="one class per row, or vectors of fractional numbers",
                found=f"{values.dtype} {list(values.shape)}",
            )
        )
    return _classes(where, name, values)


def _whole(values: np.ndarray) -> bool:
    """Whether numbers are class numbers stored as floats, as a column of whole numbers with gaps is."""
    known = values[~np.isnan(values)]
    return values.ndim == 1 and bool(np.isfinite(known).all() and (known == np.floor(known)).all())


def _real(where: str, name: str, target: Tensor) -> tuple[Task, Tensor]:
    if bool(target.isnan().all()):
        raise DataError(message(f"The target {name!r} of {where} has no values", found="NaN in every row"))
    return (Regression(name) if target.dim() == 1 else Vector(name, target.shape[1])), target


def _classes(where: str, name: str, values: np.ndarray) -> tuple[Task, Tensor]:
    known = _known(where, name, values)
    labels, numbers = np.unique(values[known], return_inverse=True)
    if len(labels) < 2:
        found = f"{len(labels)}" + (f" ({labels[0]!s})" if len(labels) else "")
        raise DataError(
            message(
                f"The target {name!r} of {where} has too few classes",
                expected="at least two",
                found=found,
                do="Note that -1, NaN and empty text stand for missing labels",
            )
        )
    target = torch.full((len(values),), MISSING, dtype=torch.int64)
    target[torch.from_numpy(known)] = torch.from_numpy(numbers.astype(np.int64))
    words = [str(int(v)) if values.dtype.kind == "f" else str(v) for v in labels.tolist()]
    return Classes(name, len(labels), label_names=words), target


def _known(where: str, name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "U":
        return np.char.strip(values) != ""
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
    if values.dtype.kind in "if" and (low := values[known] < MISSING).any():
        row = int(np.flatnonzero(known)[np.flatnonzero(low)[0]])
        raise DataError(
            message(
                f"The target {name!r} of {where} has labels outside the range",
                expected=f"0 or more, or {MISSING} where missing",
                found=f"{values[row]} in row {row} (the first of {int(low.sum())} such rows)",
            )
        )
    return known & (values != MISSING)


def refinements(tasks: Mapping[str, Task], y: Mapping[str, Tensor], main: str) -> dict[str, Tensor]:
    """For each auxiliary task of classes that each lie in one main class: that main class, int64 [K]."""
    found = {}
    for name, task in tasks.items():
        if name != main and isinstance(task, Classes) and isinstance(tasks[main], Classes):
            both = (y[name] >= 0) & (y[main] >= 0)
            pairs = torch.unique(torch.stack([y[name][both], y[main][both]], 1), dim=0)
            if len(pairs) == task.width and pairs[:, 0].equal(torch.arange(task.width)):
                found[name] = pairs[:, 1]
    return found
