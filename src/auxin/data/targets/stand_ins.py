"""Numbers that stand for missing values: -999 among 0 to 100."""

from typing import Any

import numpy as np

_CODES = np.array([s * v for v in (9, 99, 999, 9999, 99999, 999999, 9.99, 99.9, 999.9) for s in (-1, 1)])
FEWEST = 3
"""So many cells hold it at least, and the others so many different numbers."""


def stand_in(values: np.ndarray) -> tuple[float, int] | None:
    """The number that seems to stand for missing values, and how often; None where there is none.

    It is written in nines, the smallest or largest, and further from the next one than all the others from one another.

    Args:
        values: float64 [N], NaN where missing.

    >>> stand_in(np.array([-999.0, 3, 5, 4, -999, 8, -999]))
    (-999.0, 3)
    """
    known = values[~np.isnan(values)]
    for code in () if not known.size else (known.min(), known.max()):
        count = int((known == code).sum())
        if count < FEWEST or not np.isclose(code, _CODES, rtol=1e-6).any():
            continue
        rest = np.unique(known[known != code])
        if len(rest) >= FEWEST and np.abs(rest - code).min() > rest[-1] - rest[0]:
            return float(code), count
    return None


def stand_ins_note(frame: Any, do: str) -> list[str]:
    """A sentence on the columns of numbers that hold such numbers.

    Args:
        frame: A DataFrame.
        do: How to say that they are missing.
    """
    real = frame.select_dtypes(np.float64)
    found = {str(name): stand_in(real[name].to_numpy()) for name in real.columns}
    shown = [f"{name} ({one[0]:g} in {one[1]:,} rows)" for name, one in found.items() if one is not None]
    if not shown:
        return []
    more = f" and {len(shown) - 8:,} more columns" if len(shown) > 8 else ""
    return [
        f"Numbers far from all others that may stand for missing values: {', '.join(shown[:8])}{more}. If so, {do}."
    ]
