"""The contract of unsupervised features: fit on rows without labels, then map rows to columns."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError
from auxin.paper import Paper


class Features(ABC):
    """Maps rows [N, D] to features [N, width], learned from rows alone.

    Attributes:
        width: Number of features (0 before `fit` if it depends on the data).
        paper: Paper that introduced it.
    """

    paper: ClassVar[Paper | None] = None
    width: int = 0

    @abstractmethod
    def fit(self, x: Tensor, seed: int = 0) -> "Features":
        """Learn from rows [N, D]; returns itself.

        Raises:
            DataError: Rows that cannot be used: NaN, too few, fewer columns than features.
        """

    @abstractmethod
    def transform(self, x: Tensor) -> Tensor:
        """Features [N, width] of rows [N, D]."""


CONTRACT = Features


def check_width(width: int) -> int:
    """The width, if it is a width."""
    if width < 1:
        raise ConfigError("width is too small", expected="at least 1", found=str(width))
    return width


def check_rows(x: Tensor, *, least: int = 2) -> Tensor:
    """The rows, if features can be learned from them."""
    if x.dim() != 2 or x.shape[0] < least:
        raise DataError(
            "Features cannot be learned from this",
            expected=f"rows [N, D], N at least {least}",
            found=str(tuple(x.shape)),
        )
    if not torch.isfinite(x).all():
        raise DataError("The rows hold missing or infinite numbers", do="Fill or drop them.")
    return x
