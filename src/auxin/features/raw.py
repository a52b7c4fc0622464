"""The inputs themselves: the baseline of all features."""

from torch import Tensor

from auxin.features.base import Features, check_rows


class Raw(Features):
    """Rows as they are. `width` is the number of columns.

    >>> import torch
    >>> Raw().fit(torch.rand(4, 3)).width
    3
    """

    def fit(self, x: Tensor, seed: int = 0) -> "Raw":
        """Remember the number of columns."""
        del seed
        self.width = check_rows(x).shape[1]
        return self

    def transform(self, x: Tensor) -> Tensor:
        """The rows."""
        return x
