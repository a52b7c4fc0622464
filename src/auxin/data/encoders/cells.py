"""What a column's cells must be: words, or numbers that float32 can hold."""

from typing import Any

import numpy as np
import pandas as pd

from auxin.data.encoders.columns import Column
from auxin.data.reading.marks import NumericWords
from auxin.errors import DataError

FEW_ODD = 0.1
"""Cells that are no numbers among numbers are a slip where they are fewer than this share."""
MANY = 20
"""More different numbers than this are meant as numbers."""
HUGE = 2.0**63
"""Whole numbers beyond this are read as words by pandas, which they are not."""


def check_words(column: Column) -> None:
    """Refuse cells that are neither words nor yes and no."""
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column.dtype):
        return
    if not all(isinstance(value, str | bool | np.bool_) for value in column.dropna()):
        found = ", ".join(sorted({type(value).__name__ for value in column.dropna()}))
        raise DataError(
            f"The column {column.name!r} is not words",
            expected="words, or yes and no",
            found=found,
            do=f"Write it as words or as numbers throughout, or leave it out: --ignore {column.name}",
        )


def check_mixed(column: Column, written: NumericWords | None) -> None:
    """Refuse words that are numbers too long to be read as such, or numbers but for a few cells (a slip of the pen).

    Args:
        column: Words.
        written: The column as numbers, where most of its words are some.
    """
    if written is None or isinstance(column.dtype, pd.CategoricalDtype):
        return
    known = column.dropna()
    if huge := next((cell for cell, number in written.values.items() if abs(number) > HUGE), None):
        raise DataError(
            f"The column {column.name!r} holds a number that is not usable",
            expected="numbers below 3e38, or words that are no numbers",
            found=f"{huge} in row {known.index[known == huge][0]}",
            do=f"Correct it, or if these are IDs, leave them out: --ignore {column.name}",
        )
    odd = known.astype(str).isin(written.odd)
    few = odd.mean() < FEW_ODD or written.others
    if odd.any() and few and len({*written.values.values()}) > MANY:
        label, value = known.index[odd][0], known[odd].iloc[0]
        raise DataError(
            f"The column {column.name!r} mixes numbers and words, or numbers of different units",
            expected="numbers written in one way, empty where missing",
            found=f"{value!r} in row {label} (the first of {int(odd.sum())} such rows)",
            do="Correct such cells, or empty them",
        )


def as_numbers(column: Column) -> np.ndarray:
    """A column of numbers, float64, NaN where missing.

    Raises:
        DataError: It holds anything else, or numbers that float32 cannot.
    """
    try:
        numbers: Any = pd.to_numeric(column)
        values: Any = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            f"The column {column.name!r} is not numbers", expected="numbers", found=str(error)
        ) from error
    usable = np.isnan(values) | (np.abs(np.nan_to_num(values, posinf=np.inf)) <= np.finfo(np.float32).max)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        label = column.index[row]  # of a part of a table, the row's number in the whole
        raise DataError(
            f"The column {column.name!r} holds a number that is not usable",
            expected="finite numbers below 3e38",
            found=f"{values[row]} in row {label}",
        )
    return values
