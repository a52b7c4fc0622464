"""The contract of a table's columns as numbers, each fitted on rows and kept for new ones."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from auxin.data.encoders.checked import state_of
from auxin.data.encoders.contract import Notify

Column = Any
"""A pandas Series; pandas has no types that a checker can follow."""
Values = tuple[np.ndarray, np.ndarray]
"""Numbers [N, K] and which of them are missing, bool [N, K]."""


AT_ONCE = 1 << 16
"""Numbers that are taken at once; a column of more rows is taken by itself, without a copy."""


def blocks(frame: Any, names: Sequence[str]) -> Iterator[tuple[list[str], np.ndarray]]:
    """Columns of float64 of a table, some at a time, and their values."""
    step = max(1, AT_ONCE // max(len(frame), 1))
    whole = len(names) == frame.shape[1]
    for begin in range(0, len(names), step):
        part = [*names[begin : begin + step]]
        if step == 1:
            yield part, frame[part[0]].to_numpy(np.float64)[:, None]
        else:
            chosen = frame.iloc[:, begin : begin + step] if whole else frame[part]
            yield part, chosen.to_numpy(np.float64)


@dataclass(frozen=True)
class ColumnEncoder(ABC):
    """One column of a table.

    Attributes:
        name: Name of the column.
        unsaid: Fields that the state leaves out where they are as usual.
    """

    name: str
    kind: ClassVar[str]
    unsaid: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def fit(self, column: Column) -> "ColumnEncoder":
        """The same, with what is learned from rows learned from these."""

    @abstractmethod
    def encode(self, column: Column, notify: Notify) -> Values:
        """The rows' numbers."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many inputs it makes."""

    def state(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return state_of(self)
