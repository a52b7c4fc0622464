"""Input columns whose equal values, or whose gaps, tell the target."""

from typing import Any

import numpy as np
import pandas as pd

CHANCE = np.log(1e-9)
"""The logarithm of the probability below which agreement is no chance, for one column."""
FIRST = 200
"""Labelled rows by which most columns are seen to have many different values."""
MOST, ROWS = 50, 5
"""A column is looked at if it has at most so many different values, and at least so many rows for each on average."""
OF_A_VALUE = 5
"""A value that stands for a range of numbers has at least so many rows, and there are three such values or more."""


def by_values(frame: Any, target: np.ndarray) -> list[str]:
    """Columns whose values each have one class only, or stand each for a range of the numbers; see `by_gaps` for gaps.

    Args:
        frame: The columns.
        target: Classes, int64 [N], -1 where missing; or numbers, [N], NaN where missing.

    >>> frame = pd.DataFrame({"kind": ["a", "b", "c", "d"] * 20, "size": range(80)})
    >>> by_values(frame, np.arange(80) % 2)
    ['kind']
    """
    y, frame = _labelled(frame, target)
    if len(y) < 2 or y.min() == y.max():
        return []
    once = ~frame.duplicated().to_numpy()
    y, frame = y[once], frame[once]
    check = _ranges if y.dtype.kind == "f" else _pure
    found = []
    for name in frame.columns:
        few = _few(frame[name][:FIRST], len(y)) is not None
        codes = _few(frame[name], len(y)) if few else None
        if codes is not None and check(codes[codes >= 0], y[codes >= 0]):
            found.append(str(name))
    return found


def by_gaps(frame: Any, target: np.ndarray) -> list[str]:
    """Columns that are filled, or empty, in rows of one class only, too many for chance: a date of death, a refund.

    Args:
        frame: The columns.
        target: Classes, int64 [N], -1 where missing.

    >>> frame = pd.DataFrame({"died": [2020.0, np.nan] * 40, "seen": [2020.0, 2021.0] * 40})
    >>> by_gaps(frame, np.arange(80) % 2)
    ['died']
    """
    y, frame = _labelled(frame, target)
    if y.dtype.kind == "f" or not len(y):
        return []
    logs = np.log(np.bincount(y) / len(y))
    found = []
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.SparseDtype):
            continue
        empty = column.isna().to_numpy()
        sides = [y[empty], y[~empty]] if empty.any() and not empty.all() else []
        if any((side == side[0]).all() and len(side) * logs[side[0]] < CHANCE for side in sides):
            found.append(str(name))
    return found


def _labelled(frame: Any, target: np.ndarray) -> tuple[np.ndarray, Any]:
    y = np.asarray(target)
    known = np.flatnonzero(~np.isnan(y) if y.dtype.kind == "f" else y >= 0)
    return y[known], frame if len(known) == len(y) else frame.iloc[known]


def _few(column: Any, rows: int) -> np.ndarray | None:
    """A number for each value, -1 where missing; None where there are too many values, or fractional ones."""
    if isinstance(column.dtype, pd.SparseDtype):
        return None
    if column.dtype == np.float64 and (column.dropna() % 1 != 0).any():
        return None
    codes, different = pd.factorize(column)
    return codes if 1 < len(different) <= min(MOST, rows // ROWS) else None


def _pure(codes: np.ndarray, y: np.ndarray) -> bool:
    """Whether rows of one value have one class, and this is less probable than chance."""
    first = np.zeros(codes.max() + 1, np.int64)
    first[codes] = y
    if (first[codes] != y).any():
        return False
    logs = np.log(np.bincount(y, minlength=1).clip(min=1) / len(y))
    return bool(((np.bincount(codes) - 1) * logs[first]).sum() < CHANCE)


def _ranges(codes: np.ndarray, y: np.ndarray) -> bool:
    """Whether rows sorted by the target have each value's rows together."""
    counts = np.bincount(codes)
    if len(counts) < 3 or counts.min() < OF_A_VALUE:
        return False
    order = np.argsort(y, kind="stable")
    change = np.flatnonzero(np.diff(codes[order]))
    return len(change) == len(counts) - 1 and bool((np.diff(y[order])[change] > 0).all())
