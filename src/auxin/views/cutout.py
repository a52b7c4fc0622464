"""Cutout: a square of an image is emptied (DeVries and Taylor 2017)."""

import torch
from torch import Tensor

from auxin.views.base import View, check_image


class Cutout(View):
    """A square at a random place in each image is replaced by empty pixels.

    DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout". Theirs may lie
    partly outside of the image; ours lies inside, so that its size is always the same.

    Args:
        fill: Value of an empty pixel, [C].
        side: Side of the square in pixels.

    >>> cut = Cutout(torch.zeros(1), 2)(torch.ones(3, 1, 4, 4), torch.Generator().manual_seed(0))
    >>> cut.sum((1, 2, 3)).tolist()
    [12.0, 12.0, 12.0]
    """

    def __init__(self, fill: Tensor, side: int) -> None:
        self.fill, self.side = fill, side

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "Cutout":
        """Squares of three tenths of the shorter side: 2 pixels of 8, 10 of 32."""
        check_image("cutout", shape)
        return cls(fill, min(round(0.3 * strength * min(shape[1:])), min(shape[1:])))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W] to images with a hole."""
        rows, _, height, width = x.shape
        draw = {"generator": generator, "device": x.device}
        top = torch.randint(0, height - self.side + 1, (rows, 1), **draw)
        left = torch.randint(0, width - self.side + 1, (rows, 1), **draw)
        down, across = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
        inside = ((down >= top) & (down < top + self.side)).view(rows, 1, height, 1)
        inside = inside & ((across >= left) & (across < left + self.side)).view(rows, 1, 1, width)
        return torch.where(inside, self.fill.to(x).view(1, -1, 1, 1), x)
