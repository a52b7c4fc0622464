"""Input columns that teach nothing, and those that give the target away."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from auxin.data.encoders.columns import blocks
from auxin.data.targets.determined import by_gaps, by_values
from auxin.data.targets.single import blurred

FIRST = 1000
"""Rows by which most columns are seen to hold several values."""
DIFFERENT, OF_A_CLASS = 20, 5
"""A column's order says nothing if there are fewer different numbers, or fewer rows of a class."""
GAPS = 0.1
"""The share of the labelled rows in which a column that determines the target may be empty."""
SHOWN = 5
"""So many columns are named."""
PAIRS = 64
"""Pairs of rows with equal targets by which most columns are seen to be no other spelling of the target."""

INDEX = re.compile(r"|index|rownames|row[ _]?id|id|unnamed: \d+")
"""Names of columns that number the rows, "" included: as pandas and R write an index, whatever the rows' order is."""


def useless(frame: Any) -> list[str]:
    """Columns that teach nothing: empty, of one value in every row, a running number, or an index in any order."""
    names = _numbers(frame)
    found = set()
    for part, values in blocks(frame, names):
        with np.errstate(invalid="ignore"):
            bad = ~(np.fmin.reduce(values[:FIRST]) < np.fmax.reduce(values[:FIRST]))
            rest, empty = values[:, bad], np.isnan(values[:, bad])
            alike = empty.all(0) | ~empty.any(0)  # a value in some rows says in which
            bad[bad] = ~(np.fmin.reduce(rest) < np.fmax.reduce(rest)) & alike
            if len(values) > 2:
                maybe = np.flatnonzero((np.diff(values[:FIRST], axis=0) == 1).all(0))
                bad[maybe] |= (np.diff(values[:, maybe], axis=0) == 1).all(0)
        found |= {name for name, one in zip(part, bad, strict=True) if one}
    found |= {name for name in names if INDEX.fullmatch(name.lower()) and _numbered(frame[name].to_numpy())}
    numbers = set(names)
    others = [name for name in frame.columns if name not in numbers and _constant(frame[name])]
    return [str(name) for name in frame.columns if name in found or name in others]


def _numbered(values: np.ndarray) -> bool:
    """Whether all rows have different whole numbers."""
    return (
        len(values) > 2 and bool((values == np.round(values)).all()) and len(np.unique(values)) == len(values)
    )


def _constant(column: Any) -> bool:
    if isinstance(column.dtype, pd.SparseDtype):
        values = column.array.sp_values
        return len(values) in (0, len(column)) and len(np.unique(values)) < 2
    if len(column) > 1000 and column.iloc[:1000].nunique() > 1:
        return False
    return column.nunique() == 0 or (column.nunique() == 1 and not column.isna().any())


def _numbers(frame: Any) -> list[str]:
    """The columns of numbers."""
    return [str(name) for name in frame.columns[frame.dtypes == np.float64]]


def determining(frame: Any, target: Any) -> list[str]:
    """Columns of numbers that alone determine the target on all rows that have both, by thresholds or by their order.

    Of a class target: sorted by the column, the rows of each class stand together. Of numbers: sorted by the column,
    the target only rises or only falls. Both hardly happen by chance.

    Args:
        frame: The columns.
        target: Classes, int64 [N], -1 where missing; or numbers, [N], NaN where missing.

    >>> frame = pd.DataFrame({"gain": np.arange(40.0), "size": np.arange(40.0) % 9})
    >>> determining(frame, (np.arange(40) > 20).astype(int)), determining(frame, np.arange(40.0) ** 2)
    (['gain'], ['gain'])
    """
    y = np.asarray(target)
    real = y.dtype.kind == "f"
    known = np.flatnonzero(~np.isnan(y) if real else y >= 0)
    _, sizes = np.unique(y[known], return_counts=True)
    enough = len(sizes) >= DIFFERENT if real else len(sizes) > 1 and sizes.min() >= OF_A_CLASS
    if not enough:
        return []
    some, found = _some(known), []
    with np.errstate(invalid="ignore"):  # infinite numbers are refused elsewhere
        for part, columns in blocks(frame, _numbers(frame)):
            likely = [_in_order(column, y[some], real) for column in columns[some].T]
            found += [
                part[place]
                for place in np.flatnonzero(likely)
                if _in_order(columns[known, place], y[known], real, complete=True)
            ]
    return [str(name) for name in frame.columns if name in {*found}]


def _in_order(column: np.ndarray, y: np.ndarray, real: bool, complete: bool = False) -> bool:
    """Whether a column's order is that of the target; of all rows, also whether it has enough different values."""
    both = ~np.isnan(column)
    values, y = column[both], y[both]
    if complete and (both.mean() < 1 - GAPS or (real and len(np.unique(values)) < DIFFERENT)):
        return False
    if real:
        return any(bool((np.diff(y[np.lexsort((y, way))]) >= 0).all()) for way in (values, -values))
    order = np.argsort(values, kind="stable")
    classes, change = y[order], np.flatnonzero(np.diff(y[order]))
    between = np.diff(values[order])[change] > 0
    return bool(between.all()) and len(change) == len(np.unique(classes)) - 1


def determining_note(frame: Any, target: Any, do: str) -> list[str]:
    """Sentences on columns that alone determine the target, or tell it by where they are empty.

    Args:
        frame: The input columns.
        target: As for `determining`.
        do: How such columns are left out.
    """
    alone = {*determining(frame, target), *by_values(frame, target)}
    gaps = [name for name in by_gaps(frame, target) if name not in alone]
    known = [str(name) for name in frame.columns if name in alone]
    found = []
    if known:
        found.append(f"Columns that alone determine the target on every labelled row: {_named(known)}.")
    if gaps:
        found.append(f"Columns that are filled, or empty, in rows of one class only: {_named(gaps)}.")
    if found:
        found[-1] += (
            f" If such a value is only known together with the target, or is computed from it, {do}: the scores would "
            "not hold."
        )
    return found


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def coarse(frame: Any) -> list[str]:
    """Columns of numbers that float32, in which inputs are kept, blurs."""
    parts = blocks(frame, _numbers(frame))
    return [name for part, values in parts for name, one in zip(part, blurred(values), strict=True) if one]


def gives_away(frame: Any, target: Any, values: np.ndarray | None = None) -> list[str]:
    """Columns that hold the target itself: equal to it, in bijection with it, or exactly linear in it.

    Args:
        frame: The columns.
        target: The target as it is written.
        values: Its numbers, NaN where missing, where it has some.
    """
    codes, classes = pd.factorize(target)
    few = len(classes) <= len(codes) // 2
    names = _numbers(frame)
    numbers, pairs, sizes = set(names), _pairs(codes), {*np.bincount(codes + 1).tolist()}
    found = {
        name
        for name, column in frame.items()
        if name not in numbers
        and not _unlikely(column, pairs, sizes)
        and ((few and _bijection(pd.factorize(column)[0], codes)) or column.equals(target))
    }
    for part, columns in blocks(frame, names):
        likely = _likely(columns, pairs) if few else np.zeros(len(part), bool)
        same = {
            place for place in np.flatnonzero(likely) if _bijection(pd.factorize(columns[:, place])[0], codes)
        }
        if values is not None:
            same |= {*np.flatnonzero(_linear(columns, values)).tolist()}
        found |= {part[place] for place in same}
    return [str(name) for name in frame.columns if name in found]


def _unlikely(column: Any, pairs: tuple[np.ndarray, np.ndarray], sizes: set[int]) -> bool:
    """Whether a sparse column is no bijection of the target: no target stands in as many rows as its zero does."""
    if not isinstance(column.dtype, pd.SparseDtype):
        return False
    zeros = len(column) - int(np.count_nonzero(column.array.sp_values))
    return zeros not in sizes or not _likely(column.to_numpy()[:, None], pairs)[0]


def _pairs(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows with one target."""
    codes = codes[: FIRST * PAIRS]
    order = np.argsort(codes, kind="stable")
    together = _some(np.flatnonzero((codes[order][1:] == codes[order][:-1]) & (codes[order][1:] >= 0)))
    return order[together], order[together + 1]


def _likely(values: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Columns that are the same in each of the pairs: only those can be a bijection of the target."""
    a, b = values[pairs[0]], values[pairs[1]]
    return ((a == b) | (np.isnan(a) & np.isnan(b))).all(0)


def _some(places: np.ndarray) -> np.ndarray:
    return places[np.linspace(0, max(len(places) - 1, 0), min(PAIRS, len(places))).astype(int)]


def _bijection(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether codes stand for one another, missing cells (-1) among them."""
    pairs = np.unique(one.astype(np.int64) * (int(two.max()) + 2) + two)
    return 1 < len(pairs) == len(np.unique(one)) == len(np.unique(two))


def _linear(values: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Which columns are exactly linear in the target on the rows that have both.

    A sample of the rows rules most columns out.
    """
    known = np.flatnonzero(~np.isnan(target))
    if not len(known) or not np.isfinite(target[known]).all():
        return np.zeros(values.shape[1], bool)
    some = _some(known)
    likely = np.flatnonzero(_correlated(values[some], target[some], 1e-9))
    found = np.zeros(values.shape[1], bool)
    for place in likely:
        found[place] = _correlated(values[known, place][:, None], target[known], 1e-12)[0]
    return found


def _correlated(values: np.ndarray, target: np.ndarray, slack: float) -> np.ndarray:
    both = np.isfinite(values)
    count = both.sum(0)
    filled = np.where(both, values, 0.0)
    t = np.where(both, target[:, None], 0.0)
    with np.errstate(all="ignore"):
        a = np.where(both, filled - filled.sum(0) / count, 0.0)
        b = np.where(both, t - t.sum(0) / count, 0.0)
        r = (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))
    return (count > 2) & (np.abs(r) > 1 - slack)
