"""Numbers in float32, as batches hold them: what rounding would take away."""

from collections.abc import Sequence

import numpy as np

from auxin.errors import DataError

FIRST = 1000
"""Rows by which most columns are seen to be wide enough."""
SHARE = 0.01
"""The share of a column's standard deviation that rounding to float32 may take."""


def single(name: str, values: np.ndarray) -> np.ndarray:
    """A target's numbers in float32.

    A float32 has 24 binary digits. At 1.7e9, the present time in seconds, its steps are 128, so targets that
    differ by less than that would become one number.

    Args:
        name: Name of the target.
        values: [N], or [N, K] for K components; NaN where missing. Pixels, [N, H, W], are not looked at.

    Raises:
        DataError: Rounding changes a component by more than a hundredth of its standard deviation.

    >>> single("year", np.array([2024.25, 2025.5])).tolist()
    [2024.25, 2025.5]
    """
    if values.ndim > 2 or values.dtype.itemsize < 4 or values.dtype == np.float32:
        return values.astype(np.float32)
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    lost = np.flatnonzero(blurred(rows))
    if len(lost):
        one = rows[np.isfinite(rows[:, lost[0]]), lost[0]]
        step = np.spacing(np.abs(one).max().astype(np.float32))
        raise DataError(
            f"The numbers of the target {name!r} are too large for how little they differ",
            expected="numbers that 24 binary digits (float32) tell apart",
            found=f"{one.min():.12g} to {one.max():.12g}; float32 has steps of {step:g} there",
            do=f"Subtract a number such as {np.floor(one.min()):.0f} from all of them",
        )
    return values.astype(np.float32)


def blurred(rows: np.ndarray) -> np.ndarray:
    """Columns that float32 changes by more than `SHARE` of their standard deviation, bool [K].

    Args:
        rows: float64 [N, K], NaN where missing.
    """
    head = rows[:FIRST]
    found = np.zeros(rows.shape[1], bool)
    with np.errstate(invalid="ignore"):
        range_of_head = np.fmax.reduce(head) - np.fmin.reduce(head)
        unlikely = np.fmax.reduce(np.abs(head)) <= 1e4 * range_of_head
    for place in np.flatnonzero(~unlikely):
        column = rows[:, place][np.isfinite(rows[:, place])]
        with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond float32 are refused elsewhere
            if len(column) and column.std() > 0:
                error = column.astype(np.float32) - column
                found[place] = np.sqrt(np.square(error).mean()) > SHARE * column.std()
    return found


def blurred_inputs(values: np.ndarray) -> list[str]:
    """Numbers, from 0, of the columns of an array of inputs that float32 blurs; none of images.

    >>> blurred_inputs(np.array([[1.0, 1.7e9], [2.0, 1.7e9 + 30]]))
    ['1']
    """
    if values.ndim != 2 or values.dtype.itemsize < 4 or values.dtype == np.float32:
        return []
    return [str(place) for place in np.flatnonzero(blurred(np.asarray(values, np.float64)))]


def blurred_note(names: Sequence[str]) -> list[str]:
    """A sentence on input columns that float32 blurs."""
    if not names:
        return []
    return [
        "Columns whose numbers float32 (24 binary digits) does not tell apart, because they are large for how little "
        f"they differ: {', '.join(names)}. Subtract a constant from them, or leave them out."
    ]
