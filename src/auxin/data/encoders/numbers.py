"""A column of numbers as one input, and a second one that says where it is missing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auxin.data.encoders.cells import as_numbers
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Say


@dataclass(frozen=True)
class Numbers(ColumnEncoder):
    """One number, and a second one that says where it is missing if it ever was in the rows it was fitted on.

    >>> import pandas as pd
    >>> Numbers("age", gaps=True).encode("t.csv", pd.Series([3.0, np.nan], name="age"), print)[0].tolist()
    [[3.0, 0.0], [0.0, 1.0]]
    """

    kind: ClassVar[str] = "numbers"
    gaps: bool = False

    @property
    def width(self) -> int:
        """1, or 2 with gaps."""
        return 1 + self.gaps

    def fit(self, column: Column) -> "Numbers":
        """Whether there are gaps."""
        return Numbers(self.name, bool(column.isna().any()))

    def encode(self, where: str, column: Column, say: Say) -> Values:
        """Numbers, 0 where missing."""
        numbers = as_numbers(where, column)
        empty = np.isnan(numbers)
        if empty.any() and not self.gaps:
            say(
                f"{int(empty.sum()):,} missing values of {self.name!r}, of which no training row misses any, "
                "stand for its mean."
            )
        values = [np.nan_to_num(numbers), empty.astype(np.float64)][: self.width]
        blank = [empty, np.zeros_like(empty)][: self.width]
        return np.stack(values, 1), np.stack(blank, 1)
