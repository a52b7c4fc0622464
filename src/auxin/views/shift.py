"""Shift: an image moves by a pixel or so in each direction."""

import torch
from torch import Tensor

from auxin.views.base import View, check_image


class Shift(View):
    """Each image moves by a whole number of pixels, up to an eighth of its side, down and across.

    The distances are drawn uniformly and independently for the two directions; empty pixels come in at the borders.

    Args:
        fill: Value of an empty pixel, [C].
        reach: Largest distances in pixels, vertical and horizontal.

    >>> x = torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> Shift(torch.zeros(1), (0, 0))(x, torch.Generator()).equal(x)
    True
    """

    def __init__(self, fill: Tensor, reach: tuple[int, int]) -> None:
        self.fill, self.reach = fill, reach

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "Shift":
        """Shifts by up to an eighth of the side: 1 pixel of 8, 4 of 32."""
        check_image("shift", shape)
        down, across = (round(strength * max(1, side // 8)) for side in shape[1:])
        return cls(fill, (down, across))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W] to moved images."""
        rows, _, height, width = x.shape
        down, across = self.reach
        empty = self.fill.to(x).view(1, -1, 1, 1)
        padded = torch.nn.functional.pad(x - empty, (across, across, down, down))
        draw = {"generator": generator, "device": x.device}
        top = torch.randint(0, 2 * down + 1, (rows, 1), **draw)
        left = torch.randint(0, 2 * across + 1, (rows, 1), **draw)
        r = (torch.arange(height, device=x.device) + top).unsqueeze(2)
        c = (torch.arange(width, device=x.device) + left).unsqueeze(1)
        batch = torch.arange(rows, device=x.device).view(-1, 1, 1)
        return padded.permute(0, 2, 3, 1)[batch, r, c].permute(0, 3, 1, 2) + empty
