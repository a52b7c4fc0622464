"""Denoising: noise is added to each input and must be taken away again (Vincent et al. 2010)."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import Paper
from auxin.pretexts.base import Pretext, check_shape
from auxin.tasks.vector import Vector


class Denoising(Pretext):
    """Gaussian noise of half the batch's spread is added; the clean input, flattened, is the label.

    Vincent et al. 2010, section 3.3, additive isotropic Gaussian noise. The spread is the standard deviation
    over the whole batch, so that inputs need not be normalised.

    >>> x = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    >>> noisy, clean = Denoising.build((1, 3, 3))(x, torch.Generator().manual_seed(0))
    >>> torch.equal(clean, x.flatten(1)), noisy.shape == x.shape
    (True, True)
    """

    paper: ClassVar[Paper] = Paper(
        "Stacked Denoising Autoencoders",
        "Vincent, Larochelle, Lajoie, Bengio, Manzagol",
        2010,
        "https://www.jmlr.org/papers/v11/vincent10a.html",
        "section 3.3",
    )
    strength: ClassVar[float] = 0.5

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.task = Vector("denoising", math.prod(shape))

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "Denoising":
        """Denoising of inputs of any shape."""
        check_shape(min(shape, default=0) >= 1, "Denoising needs inputs", "at least 1 number", shape)
        return cls(shape)

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs to noisy inputs and the clean ones, [B, D]."""
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return x + self.strength * x.std(correction=0) * noise, x.flatten(1).clone()
