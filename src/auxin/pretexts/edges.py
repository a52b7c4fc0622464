"""Edges: from a noisy image, how strong are the clean image's edges, place by place?"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from auxin.pretexts.base import Pretext, check_shape
from auxin.tasks.vector import Vector


class Edges(Pretext):
    """Gaussian noise is added; the clean image's edge strength on a grid of at most 8x8 places is the label.

    Auxin's own. The strength is the length of the gradient by Sobel's filters (divided by 8, so that a ramp
    of slope 1 has strength 1), summed over channels as squares, averaged over each place; pixels beyond the
    border repeat it. The noise has a quarter of the batch's spread.

    >>> ramp = torch.arange(6.0).expand(1, 1, 6, 6)
    >>> noisy, label = Edges.build((1, 6, 6))(ramp, torch.Generator().manual_seed(0))
    >>> label.reshape(6, 6)[2, 1:5].tolist(), noisy.shape
    ([1.0, 1.0, 1.0, 1.0], torch.Size([1, 1, 6, 6]))
    """

    most: ClassVar[int] = 8
    noise: ClassVar[float] = 0.25

    def __init__(self, height: int, width: int) -> None:
        self.places = (min(self.most, height), min(self.most, width))
        self.task = Vector("edges", self.places[0] * self.places[1])

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "Edges":
        """Edges of images [C, H, W] with sides of at least 3."""
        fits = len(shape) == 3 and shape[0] >= 1 and min(shape[1:]) >= 3
        check_shape(fits, "Edges need images", "shape [C, H, W], sides at least 3", shape)
        return cls(shape[1], shape[2])

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, W] to noisy images and the clean ones' edge strength, [B, places]."""
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        noisy = x + self.noise * x.std(correction=0) * noise
        return noisy, functional.adaptive_avg_pool2d(strength(x), self.places).flatten(1)


def strength(x: Tensor) -> Tensor:
    """The length of the Sobel gradient of images [B, C, H, W], [B, 1, H, W]."""
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=x.dtype, device=x.device) / 8
    filters = torch.stack([across, across.T]).unsqueeze(1)
    rows, channels, height, width = x.shape
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    flat = padded.reshape(rows * channels, 1, height + 2, width + 2)
    gradient = functional.conv2d(flat, filters).reshape(rows, channels * 2, height, width)
    return gradient.square().sum(1, keepdim=True).sqrt()
