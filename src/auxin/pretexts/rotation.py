"""Rotation: the task is to find the quarter turn by which the image was rotated (Gidaris et al. 2018)"""

from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import Paper
from auxin.pretexts.base import Pretext, check_shape
from auxin.tasks.classes import Classes


class Rotation(Pretext):
    """Each image is turned by 0, 90, 180 or 270 degrees anticlockwise; the turn is its class.

    Gidaris, Singh, Komodakis 2018, section 3, where every image is shown in all four turns; here once, in
    one drawn turn, so that a batch of B rows adds B rows.

    >>> x = torch.arange(4.0).reshape(1, 1, 2, 2).repeat(8, 1, 1, 1)
    >>> turned, label = Rotation.build((1, 2, 2))(x, torch.Generator().manual_seed(0))
    >>> all(torch.equal(turned[i], torch.rot90(x[i], int(label[i]), (1, 2))) for i in range(8))
    True
    """

    paper: ClassVar[Paper] = Paper(
        "Unsupervised Representation Learning by Predicting Image Rotations",
        "Gidaris, Singh, Komodakis",
        2018,
        "https://arxiv.org/abs/1803.07728",
        "section 3",
    )

    def __init__(self) -> None:
        self.task = Classes("rotation", 4, label_names=("0", "90", "180", "270"))

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "Rotation":
        """Rotation of square images [C, H, H]."""
        fits = len(shape) == 3 and shape[1] == shape[2]
        check_shape(fits, "Rotation needs square images", "shape [C, H, H]", shape)
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, H] to turned images and their turns, int64 [B]."""
        label = torch.randint(4, (len(x),), generator=generator, device=x.device)
        place = _places(x.shape[2]).to(x.device)[label].unsqueeze(1).expand(-1, x.shape[1], -1)
        return x.flatten(2).gather(2, place).view(x.shape), label


@cache
def _places(side: int) -> Tensor:
    """Where each pixel of a turned image comes from, for each turn, int64 [4, side * side]."""
    places = torch.arange(side * side).view(side, side)
    return torch.stack([torch.rot90(places, turn).flatten() for turn in range(4)])
