"""A column of numbers as one input, and a second one that marks missing values."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from auxin.data.encoders.cells import as_numbers
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import missing
from auxin.data.reading.marks import AMONG_NUMBERS, COMMAS, DECIMAL, STYLES, TRUTH, number_of
from auxin.errors import DataError


def ranges_of(block: np.ndarray) -> list[tuple[float, float]]:
    """The least and the greatest number of each column [N, D] as float32 holds them, NaN of a column without any."""
    with np.errstate(over="ignore", invalid="ignore"):
        ends = np.stack([np.fmin.reduce(block), np.fmax.reduce(block)], 1).astype(np.float32)
    return [(low, high) for low, high in ends.tolist()]


@dataclass(frozen=True)
class Numbers(ColumnEncoder):
    """One number, and a second one that says where it is missing if it ever was in the rows it was fitted on.

    Attributes:
        name: Name of the column.
        gaps: Whether values were missing.
        style: How the training file wrote its numbers, where it is not plainly: a name of `STYLES`; new files are read
            alike.
        unit: The training file's unit, with a style: new files may leave it out and have no other. None: any.
        sparse: Whether most are zero and the column came so: it keeps its zero and shares its scale with such columns
            beside it.
        low, high: The least and the greatest number of the training table, by which far new rows are noted; None:
            unknown.
        truth: Whether the training rows hold 0 and 1 alone: new rows may then say yes and no, or true and false.

    >>> import pandas as pd
    >>> Numbers("age", gaps=True).encode(pd.Series([3.0, np.nan], name="age"), print)[0].tolist()
    [[3.0, 0.0], [0.0, 1.0]]
    """

    kind: ClassVar[str] = "numbers"
    unsaid: ClassVar[tuple[str, ...]] = ("style", "unit", "truth", "sparse", "low", "high")
    gaps: bool = False
    style: str = ""
    unit: str | None = None
    truth: bool = False
    sparse: bool = False
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.style and self.style not in STYLES:
            raise ValueError(f"{self.style!r} is no way of writing the numbers of {self.name}")

    @property
    def width(self) -> int:
        """1, or 2 with gaps."""
        return 1 + self.gaps

    def fit(self, column: Column) -> "Numbers":
        """Whether there are gaps, and whether it is 0 and 1 alone."""
        values = column.to_numpy()
        known = values[~np.isnan(values)]
        truth = bool(((known == 0) | (known == 1)).all())
        return self.of(len(known) < len(values), truth, ranges_of(values[:, None])[0])

    def of(self, gaps: bool, truth: bool, lies: tuple[float, float]) -> "Numbers":
        """The same with or without gaps, of 0 and 1 alone or not, between these two numbers."""
        low, high = lies if np.isfinite(lies).all() else (None, None)
        return replace(self, gaps=gaps and not self.sparse, truth=truth, low=low, high=high)

    def values(self, column: Column) -> np.ndarray:
        """The rows' numbers, NaN where missing.

        Raises:
            DataError: A cell is no number, which is named.
        """
        if pd.api.types.is_numeric_dtype(column) or not (self.style or self.truth):
            return as_numbers(column)
        codes, different = pd.factorize(column.astype(str).mask(column.isna()))
        cells = [str(cell) for cell in different]
        pointed = self.style == DECIMAL and self._pointed(cells, column.attrs.get(COMMAS, False))
        table = [self._number(cell, pointed) for cell in cells]
        return np.array([*table, np.nan])[codes]

    def check_typed(self, column: Column) -> None:
        """Refuse numbers that were never written where the training rows had per cent: 0.5 may be half, or 0.5 %."""
        if self.unit == "%" and pd.api.types.is_numeric_dtype(column) and column.fillna(0).any():
            raise self._refused(str(column[column.fillna(0) != 0].iloc[0]))

    def known(self, cells: Sequence[str], semicolons: bool = False) -> np.ndarray:
        """The numbers of different cells, NaN where a cell is no finite number as the training rows had them."""
        found = np.full(len(cells), np.nan)
        with suppress(DataError):
            pointed = self.style == DECIMAL and self._pointed(cells, semicolons)
            for place, cell in enumerate(cells):
                with suppress(DataError):
                    found[place] = self._number(cell, pointed)
        return np.where(np.isfinite(found), found, np.nan)

    def _pointed(self, cells: Sequence[str], semicolons: bool) -> bool:
        """Whether new cells have decimal points, although the training rows had decimal commas.

        1.234 is a thousand with a decimal comma, and a little more than one with a decimal point. A comma in another
        cell decides, or a cell that is a number with a decimal point alone, or the semicolons of the file.

        Raises:
            DataError: Nothing decides, or both do.
        """
        style = STYLES[self.style]
        point = [cell for cell in cells if "." in cell and (_plain(cell) is not None)]
        commas = any("," in cell for cell in cells)
        only = [cell for cell in point if number_of(cell, style, self.unit) is None]
        unsure = [cell for cell in point if cell not in only]
        if commas and only:
            raise self._refused(only[0])
        if unsure and not (commas or only or semicolons):
            raise self._refused(unsure[0], "Write 1234 or 1,234, whichever is meant, without a point")
        return bool(only)

    def _number(self, cell: str, pointed: bool = False) -> float:
        if cell in AMONG_NUMBERS:
            return np.nan
        if (
            self.style
            and not pointed
            and (found := number_of(cell, STYLES[self.style], self.unit)) is not None
        ):
            return found
        if self.truth and cell.lower() in TRUTH:
            return TRUTH[cell.lower()]
        plain = _plain(cell)
        if plain is None or (self.unit == "%" and plain != 0):
            raise self._refused(cell)
        return plain

    def _refused(self, cell: str, do: str = "") -> DataError:
        expected = (
            f"numbers with {self.style}{f' and the unit {self.unit}' if self.unit else ''}, as the training rows had"
            if self.style
            else "0 and 1, or yes and no"
        )
        return DataError(
            f"The column {self.name!r} is not numbers", expected=expected, found=repr(cell), do=do
        )

    def encode(self, column: Column, notify: Notify) -> Values:
        """Numbers, 0 where missing."""
        numbers = self.values(column)
        empty = np.isnan(numbers)
        self.report_missing(int(empty.sum()), notify)
        values = [np.nan_to_num(numbers), empty.astype(np.float64)][: self.width]
        blank = [empty, np.zeros_like(empty)][: self.width]
        return np.stack(values, 1), np.stack(blank, 1)

    def report_missing(self, count: int, notify: Notify) -> None:
        """Say that values are missing which no training row misses."""
        if count and not self.gaps:
            missing(notify, self.name, count)


def _plain(cell: str) -> float | None:
    """A cell as Python's own number; None if it is none."""
    try:
        return float(cell)
    except ValueError:
        return None
