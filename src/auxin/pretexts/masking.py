"""Masking: a part of each input is hidden and must be filled in."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import Paper
from auxin.pretexts.base import Pretext, check_shape
from auxin.tasks.vector import Vector


class Masking(Pretext):
    """Hides a part of each input behind zeros (the mean, if normalised); the hidden values are the label.

    Images lose one square with sides of half the image's, anywhere, all channels (Pathak et al. 2016,
    section 3.2: the region to be filled in). Rows of a table lose each column with probability 0.3, but at
    least one (Yoon et al. 2020, section 4.1, who fill in with another row's values). Only hidden values are
    labels: what is seen is NaN, missing.

    >>> x = torch.arange(1.0, 9.0).reshape(2, 4)
    >>> masked, label = Masking.build((4,))(x, torch.Generator().manual_seed(0))
    >>> bool(((masked == 0) == ~label.isnan()).all()), bool((masked + label.nan_to_num() == x).all())
    (True, True)
    """

    paper: ClassVar[Paper] = Paper(
        "Context Encoders: Feature Learning by Inpainting",
        "Pathak, Krahenbuhl, Donahue, Darrell, Efros",
        2016,
        "https://arxiv.org/abs/1604.07379",
        "section 3.2",
    )
    rate: ClassVar[float] = 0.3

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.task = Vector("masking", math.prod(shape))

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "Masking":
        """Masking of images [C, H, W], or of rows [D] with at least 2 columns."""
        fits = len(shape) in (1, 3) and math.prod(shape) >= 2 and min(shape) >= 1
        check_shape(fits, "Masking needs images or rows", "shape [C, H, W] or [D]", shape)
        return cls(shape)

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs to masked inputs and their hidden values [B, D], NaN where nothing is hidden."""
        hidden = (_squares(x, generator) if x.dim() == 4 else _columns(x, generator, self.rate)).expand_as(x)
        nothing = torch.full((), math.nan, dtype=x.dtype, device=x.device)
        return x.masked_fill(hidden, 0), torch.where(hidden, x, nothing).flatten(1)


def _squares(x: Tensor, generator: torch.Generator) -> Tensor:
    """One square in each image, bool [B, 1, H, W]."""
    inside = []
    for side in x.shape[2:]:
        long = max(1, side // 2)
        start = torch.randint(side - long + 1, (len(x), 1), generator=generator, device=x.device)
        at = torch.arange(side, device=x.device)
        inside.append((at >= start) & (at < start + long))
    return (inside[0][:, :, None] & inside[1][:, None, :]).unsqueeze(1)


def _columns(x: Tensor, generator: torch.Generator, rate: float) -> Tensor:
    """Some columns of each row, bool [B, D]: a draw below the rate, and the lowest draw always."""
    draw = torch.rand(x.shape, generator=generator, device=x.device)
    return (draw < rate) | (draw == draw.amin(1, keepdim=True))
