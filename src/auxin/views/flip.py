"""Flip: an image is mirrored left to right in half of the cases."""

import torch
from torch import Tensor

from auxin.views.base import View, check_image


class Flip(View):
    """Each image is mirrored left to right with a probability, 1/2 as a rule. It is not for digits, letters or text.

    Args:
        chance: Probability of mirroring an image.

    >>> x = torch.arange(2.0).reshape(1, 1, 1, 2).repeat(8, 1, 1, 1)
    >>> flipped = Flip()(x, torch.Generator().manual_seed(0))
    >>> sorted({tuple(row) for row in flipped.flatten(1).tolist()})
    [(0.0, 1.0), (1.0, 0.0)]
    """

    def __init__(self, chance: float = 0.5) -> None:
        self.chance = chance

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "Flip":
        """Flips of images [C, H, W]."""
        del fill
        check_image("flip", shape)
        return cls(min(1.0, 0.5 * strength))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W], half of them mirrored."""
        mirrored = torch.rand(len(x), generator=generator, device=x.device) < self.chance
        return torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
