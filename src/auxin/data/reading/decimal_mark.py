"""Whether a comma or a point stands before the fractions of a file, as its own cells show."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from auxin.data.reading.marks import AMONG_NUMBERS, DECIMAL, GROUPED, STYLES, as_written

CELLS = 200
"""So many different cells of a column are looked at."""
COLUMNS = 200
"""So many columns of words are looked at."""


def seen(frame: Any) -> str:
    """The mark that some column shows beyond doubt: "," or "."; "" where none does, or both are shown.

    1,5 and 1.234,50 have a comma before the fraction, 0.126 and 1,234.50 a point; 1,234 and 1.234 may have either.

    >>> import pandas as pd
    >>> seen(pd.DataFrame({"a": ["1,5", "12,25"], "b": ["1,234", "2,345"]}))
    ','
    """
    commas, points = 0, _fractions(frame)
    words = (name for name in frame.columns if frame[name].dtype != np.float64)
    for name in islice(words, COLUMNS):
        cells = [str(cell).strip() for cell in frame[name].dropna().unique()[:CELLS]]
        numbers = [cell for cell in cells if cell not in AMONG_NUMBERS]
        if (
            not any(mark in cell for cell in numbers for mark in ",.")
            or (found := as_written(numbers)) is None
        ):
            continue
        if not found.odd and found.style.name in (DECIMAL, GROUPED):
            comma, point = (
                _only(numbers, one, other) for one, other in ((DECIMAL, GROUPED), (GROUPED, DECIMAL))
            )
            commas, points = commas + comma, points + point
    return "" if bool(commas) == bool(points) else "," if commas else "."


def _only(cells: Sequence[str], style: str, other: str) -> bool:
    """Whether a cell is a number in one style and none in the other."""
    one, two = STYLES[style].pattern, STYLES[other].pattern
    return any(one.fullmatch(cell) is not None and two.fullmatch(cell) is None for cell in cells)


def _fractions(frame: Any) -> bool:
    """Whether a column of plain numbers holds a fraction whose point cannot stand between thousands."""
    for name in frame.columns[frame.dtypes == np.float64]:
        values = np.abs(frame[name].to_numpy()[:CELLS])
        with np.errstate(invalid="ignore"):
            fraction = np.isfinite(values) & (values != np.round(values))
            if (fraction & ((values < 1) | (values >= 1000) | (np.round(values, 3) != values))).any():
                return True
    return False


def maybe_thousands(frame: Any) -> list[str]:
    """The columns of plain numbers whose points may stand between thousands: 1.234 beside 812."""
    found = []
    for name in frame.columns[frame.dtypes == np.float64]:
        values = np.abs(frame[name].to_numpy())
        known = values[~np.isnan(values)]
        fraction = known[known != np.round(known)]
        if (
            len(fraction)
            and (fraction > 1).all()
            and (known < 1000).all()
            and (np.round(known, 3) == known).all()
        ):
            found.append(str(name))
    return found


def thousands(cells: Iterable[str]) -> bool:
    """Whether all cells, but for marks of missing ones, are numbers if a point stands between thousands, and one does.

    >>> thousands(["1.234", "812"]), thousands(["1.5", "812"]), thousands(["812"])
    (True, False, False)
    """
    numbers = [cell for cell in cells if cell not in AMONG_NUMBERS]
    pattern = STYLES[DECIMAL].pattern
    return any("." in cell for cell in numbers) and all(pattern.fullmatch(cell) for cell in numbers)
