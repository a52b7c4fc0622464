"""Principal components of the rows, plain or whitened."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.errors import DataError
from auxin.features.base import Features, check_rows, check_width
from auxin.paper import Paper


class PCA(Features):
    """Projection on the directions of largest variance.

    Args:
        width: Number of components.
        whiten: Whether to divide each component by its standard deviation.

    >>> x = torch.tensor([[0.0, 0.0], [2.0, 2.0], [4.0, 4.1]])
    >>> PCA(1).fit(x).transform(x).abs().round().squeeze().tolist()
    [3.0, 0.0, 3.0]
    """

    paper: ClassVar[Paper] = Paper(
        "On Lines and Planes of Closest Fit to Systems of Points in Space",
        "Pearson",
        1901,
        "https://doi.org/10.1080/14786440109462720",
    )

    def __init__(self, width: int = 16, *, whiten: bool = False) -> None:
        self.width, self.whiten = check_width(width), whiten
        self.mean = torch.zeros(0)
        self.components = torch.zeros(0, 0)

    def fit(self, x: Tensor, seed: int = 0) -> "PCA":
        """The components by singular value decomposition.

        Raises:
            DataError: Fewer columns or rows than components.
        """
        del seed
        check_rows(x)
        if min(x.shape) < self.width:
            raise DataError(
                "There are too few rows or columns for that many components",
                expected=f"{self.width}",
                found=str(min(x.shape)),
            )
        self.mean = x.mean(0)
        _, values, directions = torch.linalg.svd(x - self.mean, full_matrices=False)
        scale = values[: self.width] / len(x) ** 0.5
        self.components = directions[: self.width].T
        if self.whiten:
            self.components = self.components / scale.clamp(min=1e-6)
        return self

    def transform(self, x: Tensor) -> Tensor:
        """[N, width]."""
        return (x - self.mean) @ self.components
