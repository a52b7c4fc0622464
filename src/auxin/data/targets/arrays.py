"""Arrays as targets: the kind of task they make, numbered classes, missing labels."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.data.reading.columnar import read_memory
from auxin.data.reading.masks import dense_classes
from auxin.data.targets.cells import as_number
from auxin.data.targets.columns import target_of
from auxin.data.targets.guess import of_numbers
from auxin.data.targets.numbering import numbering_note
from auxin.data.targets.single import single
from auxin.data.targets.specs import TargetSpec
from auxin.errors import ConfigError, DataError
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.dense_regression import DenseRegression
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector
from auxin.typing import MISSING

Made = tuple[Task, Tensor, list[str]]
_AXES = {"classes": 1, "ordered": 1, "regression": 1, "multilabel": 2, "vector": 2, "dense_classes": 3}


def array_target(spec: TargetSpec, values: np.ndarray, rows: int) -> Made:
    """The task that an array makes, its targets, and what was decided.

    [N] or [N, 1]: text, booleans and whole numbers are classes, fractional numbers regression. [N, D]: zeros and ones
    are attributes, fractional numbers a vector. [N, H, W]: whole numbers are classes of pixels, fractional
    numbers one number per pixel; [N, D, H, W]: D numbers per pixel.

    Raises:
        DataError: The values do not fit the rows, or make no task.
    """
    if values.shape[:1] != (rows,) or values.ndim > 4 or values.dtype.kind not in "biufUS":
        raise DataError(
            f"The target {spec.name!r} is not usable",
            expected=f"{rows} numbers or words",
            found=f"{values.dtype} {list(values.shape)}",
        )
    if values.ndim == 2 and values.shape[1] == 1 and spec.kind not in ("multilabel", "vector"):
        values = values[:, 0]
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.ndim == 1 and values.dtype.kind in "bU":  # as a table's column of these words
        return target_of(read_memory(dict.fromkeys(spec.columns, values)), spec)
    kind = spec.kind or _guess(spec.name, values)
    if values.ndim != _AXES.get(kind, values.ndim):
        raise ConfigError(
            f"The target {spec.name!r} cannot be {kind}",
            expected=f"an array with {_AXES[kind]} axes",
            found=f"{list(values.shape)}",
        )
    values = _blanked(spec, values)
    if kind in ("regression", "vector", "multilabel", "dense_regression"):
        task, target = _real(spec.name, kind, values)
        return task, target, numbering_note(spec.name, target) if kind == "regression" else []
    if kind == "dense_classes":
        whole = np.where(np.isnan(values), MISSING, values) if values.dtype.kind == "f" else values
        masks = [mask.astype(np.int64) for mask in whole]
        return dense_classes(spec, masks, (values.shape[2], values.shape[1]))
    return (*_classes(spec.name, values, Ordered if kind == "ordered" else Classes), [])


def _guess(name: str, values: np.ndarray) -> str:
    whole, real = values.dtype.kind in "biu", values.dtype.kind == "f"
    if values.ndim <= 2 and (whole or real):
        known = values[~_nan(values)]
        whole = whole or bool(np.isfinite(known).all() and (known == np.floor(known)).all())
        different = np.unique(known if whole else known[:0])  # fractions are many, and long to sort
        if values.ndim == 1:
            # class numbers with -1 where there is none, or as programs write them: each from 0 to the largest
            minus = np.isin([MISSING, 0], different).all() and different[0] == MISSING
            indices = not real and np.array_equal(different, np.arange(len(different)))
            return "classes" if whole and (minus or indices) else of_numbers(values)
        if np.isin([0, 1], different).all() and np.isin(different, [MISSING, 0, 1]).all():
            return "multilabel"
    if real and values.ndim in (2, 4):
        return "vector" if values.ndim == 2 else "dense_regression"
    if values.ndim == 3 and (whole or real):
        return "dense_classes" if whole else "dense_regression"
    raise DataError(
        f"The target {name!r} has {'two' if values.ndim == 2 else values.ndim} axes",
        expected="one class per row, zeros and ones, or fractional numbers",
        found=f"{values.dtype} {list(values.shape)}",
    )


def _nan(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)


def _blanked(spec: TargetSpec, values: np.ndarray) -> np.ndarray:
    """The array with the user's own value for a missing label taken as missing (masks do it themselves)."""
    if spec.missing is None or values.ndim == 3:
        return values
    odd = values.astype(str) == spec.missing
    if values.dtype.kind == "U":
        return np.where(odd, "", values)
    number = as_number(spec.missing)  # -1 is -1.0 too
    return np.where(odd | (values == number), np.nan, values.astype(np.float64))


def _real(name: str, kind: str, values: np.ndarray) -> tuple[Task, Tensor]:
    if values.dtype.kind == "U":
        raise DataError(f"The target {name!r} is not numbers", expected="numbers", found="words")
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, which the task refuses
        target = torch.from_numpy(single(name, values))
    if kind == "multilabel":
        target = target.masked_fill(target == MISSING, torch.nan)
    if bool(target.isnan().all()):
        raise DataError(f"The target {name!r} has no values", found="NaN in every row")
    if kind == "regression":
        return Regression(name), target
    if kind == "dense_regression":
        return DenseRegression(name, 1 if target.dim() == 3 else target.shape[1]), target
    return (Multilabel if kind == "multilabel" else Vector)(name, target.shape[1]), target


def _classes(name: str, values: np.ndarray, make: Any) -> tuple[Task, Tensor]:
    known = _known(name, values)
    labels, numbers = np.unique(values[known], return_inverse=True)
    if len(labels) < 2:
        found = f"{len(labels)}" + (f" ({labels[0]!s})" if len(labels) else "")
        raise DataError(
            f"The target {name!r} has too few classes",
            expected="at least two",
            found=found,
            do="Note that -1, NaN and empty text stand for missing labels",
        )
    target = torch.full((len(values),), MISSING, dtype=torch.int64)
    target[torch.from_numpy(known)] = torch.from_numpy(numbers.astype(np.int64))
    words = [str(int(v)) if values.dtype.kind == "f" else str(v) for v in labels.tolist()]
    return make(name, len(labels), label_names=words), target


def _known(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "U":
        return np.char.strip(values) != ""
    known = ~_nan(values)
    if values.dtype.kind in "if" and (low := values[known] < MISSING).any():
        row = int(np.flatnonzero(known)[np.flatnonzero(low)[0]])
        raise DataError(
            f"The target {name!r} has labels outside the range",
            expected=f"0 or more, or {MISSING} where missing",
            found=f"{values[row]} in row {row} (the first of {int(low.sum())} such rows)",
        )
    return known & (values != MISSING)
