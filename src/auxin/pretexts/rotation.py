"""Rotation: the task is to find the quarter turn by which the image was rotated (Gidaris et al. 2018)"""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.paper import Paper
from auxin.pretexts._base import Pretext
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
        if len(shape) != 3 or shape[1] != shape[2]:
            raise ConfigError(
                "Rotation needs square images", expected="shape [C, H, H]", found=f"{list(shape)}"
            )
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, H] to turned images and their turns, int64 [B]."""
        label = torch.randint(4, (len(x),), generator=generator, device=x.device)
        turned = x
        for turn in (1, 2, 3):
            turned = torch.where((label == turn).view(-1, 1, 1, 1), torch.rot90(x, turn, (2, 3)), turned)
        return turned, label
