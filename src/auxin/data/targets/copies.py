"""Rows that are copies of one another but for a column or two: random folds would score what the model has seen."""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import Any

import numpy as np
import pandas as pd
import pandas.util as _util

from auxin.data.targets.between import between_note

WORK = 1 << 22
"""So many rows, times the ways of leaving columns out, are looked at."""
hashed: Any = _util.hash_array  # type: ignore[attr-defined]
MOST = 1 << 20
"""Of a table of more cells, a random part of the rows is looked at."""
GROUPS = 10
"""Fewer groups of equal rows than this, all of one label each, may be coincidence."""
IDENTIFY = 0.5
"""A column identifies rows if it has at least this share of the different values that there are rows."""
GRID = 1000
"""Numbers are equal if they are the same in this many steps per standard deviation."""


def copies(frame: Any, target: np.ndarray) -> tuple[int, tuple[str, ...]]:
    """How many rows are equal to another of the same label, and the columns in which they are not; 0 if by coincidence.

    Rows that are exactly equal are no concern here: they stay together in any case. Numbers that differ by less than a
    thousandth of their standard deviation are equal. Of many rows the number is that of a random part.

    Args:
        frame: The inputs, a DataFrame.
        target: The main labels [N], NaN where missing.

    >>> rows = np.repeat(np.arange(20), 2)
    >>> copies(pd.DataFrame({"a": rows / 7, "b": rows % 3, "id": range(40)}), rows % 2)
    (40, ('id',))
    """
    if frame.shape[1] < 3 or any(isinstance(kind, pd.SparseDtype) for kind in frame.dtypes):
        return 0, ()
    known = np.flatnonzero(~np.isnan(target))
    most = MOST // frame.shape[1]
    known = known if len(known) <= most else np.random.default_rng(0).choice(known, most, replace=False)
    rows, labels = frame.iloc[known], target[known]
    once = ~rows.duplicated().to_numpy()
    rows, labels = rows[once], labels[once]
    if len(rows) < 2 * GROUPS:
        return 0, ()
    codes = _codes(rows)
    counted = [np.unique(code, return_counts=True)[1] for code in codes]
    whole, different = codes.sum(0), [len(counts) for counts in counted]
    pairs = [int((counts * (counts - 1)).sum()) for counts in counted]
    best: tuple[int, tuple[int, ...]] = (0, ())
    for left in _ways(different, len(rows)):
        kept = sorted({*range(len(different))} - {*left}, key=lambda place: different[place])
        chance = float(np.prod([pairs[place] / (len(rows) * (len(rows) - 1)) for place in kept[:-1]]))
        least = (1 + chance) / 2 * pairs[kept[-1]]
        found = _repeated(whole - codes[list(left)].sum(0), labels, different[kept[-1]], least)
        best = (found, left) if found > 2 * best[0] or (best[1] and found > best[0]) else best
    return best[0], tuple(str(frame.columns[place]) for place in best[1])


def _codes(rows: Any) -> np.ndarray:
    """A number for each cell [D, N], another one in each column, so that sums of them stand for rows."""
    real = rows.select_dtypes(np.float64)
    numbers = np.empty((rows.shape[1], len(rows)))
    places = [*rows.columns.get_indexer(real.columns)]
    with np.errstate(all="ignore"):  # infinite numbers are refused elsewhere
        spread = np.nan_to_num(real.std().to_numpy(), posinf=0.0)
        numbers[places] = np.round(real.to_numpy() / np.where(spread > 0, spread / GRID, 1)).T + 0.0
    for place in {*range(rows.shape[1])} - {*places}:
        numbers[place] = pd.factorize(rows.iloc[:, place])[0]
    salts = hashed(np.arange(rows.shape[1])) | np.uint64(1)
    return hashed(numbers.ravel()).reshape(numbers.shape) * salts[:, None]


def _ways(different: Sequence[int], rows: int) -> Iterator[tuple[int, ...]]:
    """Which columns are left out together: none, one, two; those of most different cells first, as IDs have."""
    order = sorted(range(len(different)), key=lambda place: -different[place])
    ways = [(), *((place,) for place in order)]
    most = max(1, WORK // max(rows, 1000))
    yield from ways[:most]
    yield from islice(combinations(order, 2), max(0, min(most, 4 * rows) - len(ways)))


def _repeated(rest: np.ndarray, labels: np.ndarray, others: int, least: float) -> int:
    """How many rows are equal to another, where all equal rows have one label and a column identifies rows; else 0.

    At least so many pairs are equal: of those that are in one column, half of what is left if the other columns agreed
    by chance.
    """
    _, place, counts = np.unique(rest, return_inverse=True, return_counts=True)
    if (counts * (counts - 1)).sum() < least:
        return 0
    if (counts > 1).sum() < GROUPS or others < max(2 * GROUPS, IDENTIFY * len(counts)):
        return 0
    low, high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(low, place, labels)
    np.maximum.at(high, place, labels)
    return int(counts[counts > 1].sum()) if (low == high).all() else 0


def copies_note(frame: Any, target: np.ndarray, do: str) -> list[str]:
    """Sentences on rows that are copies but for a column or two, and on rows made between others.

    Args:
        frame: The inputs.
        target: The main labels, missing ones as a `Dataset` has them.
        do: How to leave a column out, with NAME in the columns' place.
    """
    labels = np.where(target < 0, np.nan, target) if target.dtype.kind == "i" else target.astype(float)
    rows, columns = copies(frame, labels)
    if not rows:
        return between_note(frame, labels)
    where = f"in all columns but {', '.join(columns)}" if columns else "but for the last digits"
    done = f"{do.replace('NAME', ','.join(columns))}, and they stay on one side of every split"
    return [
        f"At least {rows:,} labelled rows are equal to another one, its label included, {where}. If these are copies, "
        f"scores count rows that the model has seen: {done if columns else 'leave the copies out'}."
    ]
