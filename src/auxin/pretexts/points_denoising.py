"""Points denoising: every point is shifted by noise, and its own place must be found."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import AUXILEARN, Paper
from auxin.pretexts._points import check_cloud
from auxin.pretexts.base import Pretext
from auxin.tasks.dense_regression import DenseRegression


class PointsDenoising(Pretext):
    """Gaussian noise of variance 0.01 on every coordinate; the label is the cloud as it was.

    Navon et al. 2021, appendix C.9, the baseline DAE ("iid noise from N(0, 0.01)"), on clouds in the unit ball.

    >>> pretext = PointsDenoising.build((3, 9, 1))
    >>> moved, clean = pretext(torch.zeros(2, 3, 9, 1), torch.Generator().manual_seed(0))
    >>> moved.shape, float(clean.abs().max())
    (torch.Size([2, 3, 9, 1]), 0.0)
    """

    paper: ClassVar[Paper] = AUXILEARN
    strength: ClassVar[float] = 0.1

    def __init__(self) -> None:
        self.task = DenseRegression("points_denoising", 3)

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "PointsDenoising":
        """The task for clouds [3, points, 1]."""
        check_cloud("points_denoising", shape)
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clouds to noisy clouds and the clean ones, [B, 3, P, 1]."""
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return x + self.strength * noise, x.clone()
