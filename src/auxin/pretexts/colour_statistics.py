"""Colour statistics: an image is shown in grey, and its channels' means and spreads must be told."""

import torch
from torch import Tensor

from auxin.pretexts.base import Pretext, check_shape
from auxin.tasks.vector import Vector


class ColourStatistics(Pretext):
    """Each image's channels are mixed to one grey by weights drawn for it; mean and spread per channel are the label.

    Auxin's own, a small cousin of colourisation (Zhang et al. 2016, who predict every pixel's colour). The
    grey image keeps the number of channels, all alike, so that the primary network takes it as it is. The
    weights are uniform draws that sum to 1, so that no fixed mixture can be inverted. The label holds the
    C means, then the C standard deviations, of the image before it was made grey.

    >>> x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    >>> grey, label = ColourStatistics.build((3, 4, 4))(x, torch.Generator().manual_seed(0))
    >>> torch.equal(grey[:, 0], grey[:, 2]), torch.allclose(label[:, :3], x.mean((2, 3))), label.shape
    (True, True, torch.Size([2, 6]))
    """

    def __init__(self, channels: int) -> None:
        self.task = Vector("colour_statistics", 2 * channels)

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "ColourStatistics":
        """Colour statistics of images [C, H, W] of at least two channels."""
        fits = len(shape) == 3 and shape[0] >= 2 and min(shape) >= 1
        check_shape(fits, "Colour statistics need colour images", "shape [C, H, W], C at least 2", shape)
        return cls(shape[0])

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, W] to grey images and their channels' means and deviations, [B, 2 C]."""
        drawn = torch.rand(x.shape[:2], generator=generator, device=x.device, dtype=x.dtype) + 1e-6
        weights = (drawn / drawn.sum(1, keepdim=True))[:, :, None, None]
        grey = (weights * x).sum(1, keepdim=True).expand_as(x).contiguous()
        return grey, torch.cat([x.mean((2, 3)), x.std((2, 3), correction=0)], 1)
