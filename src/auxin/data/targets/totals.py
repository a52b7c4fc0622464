"""A last row that holds the totals of the rows above it, as spreadsheets write it."""

from typing import Any

import numpy as np

from auxin.errors import DataError

FEWEST = 10
"""Of fewer rows a sum may be a number like the others."""
ROUNDED = 1e-3
"""By what share of it a total may differ from the sum: cells are rounded."""


def refuse_totals(frame: Any, target: np.ndarray | None) -> None:
    """Refuse a table whose last row is the sum of the others in every column of numbers in which it has one.

    It would be a row like any other: its label, or its numbers in the scale of a column, far from all others.

    Args:
        frame: The inputs; numbers as float64.
        target: The labels, where they are numbers, NaN where missing.

    Raises:
        DataError: It is, and one sum at least is greater than all numbers above.
    """
    real = frame.select_dtypes(np.float64)
    columns = [*(real[name].to_numpy() for name in real.columns), *([] if target is None else [target])]
    columns = [values for values in columns if not np.isnan(values[-1])] if len(frame) > FEWEST else []
    sums = [np.nansum(values[:-1]) for values in columns]
    if not columns or not all(
        abs(values[-1] - total) <= ROUNDED * abs(total) for values, total in zip(columns, sums, strict=True)
    ):
        return
    if any(abs(values[-1]) > np.nanmax(np.abs(values[:-1]), initial=0.0) for values in columns):
        raise DataError(
            "The last row holds the totals of the rows above it",
            expected="one row per sample",
            found=", ".join(f"{name}={value}" for name, value in frame.iloc[-1].dropna().items())[:100],
            do="Delete this row",
        )
