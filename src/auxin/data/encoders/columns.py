"""The contract of a table's columns as numbers, each fitted on rows and kept for new ones."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from auxin.data.encoders.contract import Notify

Column = Any
"""A pandas Series; pandas has no types that a checker can follow."""
Values = tuple[np.ndarray, np.ndarray]
"""Numbers [N, K] and which of them are missing, bool [N, K]."""


@dataclass(frozen=True)
class ColumnEncoder(ABC):
    """One column of a table.

    Attributes:
        name: Name of the column.
    """

    name: str
    kind: ClassVar[str]

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
        return {"kind": self.kind, **asdict(self)}
