"""Points spaces (RS): the cells of a grid over the cloud are shuffled, and each point must say where it came from."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import Paper
from auxin.pretexts._points import check_cloud
from auxin.pretexts.base import Pretext
from auxin.tasks.dense_classes import DenseClasses


class PointsSpaces(Pretext):
    """Space is cut into 3 x 3 x 3 cells, which change places at random; a point's label is its own cell.

    Sauder, Sievers 2019, section 3: the cells span the cube [-1, 1], where clouds in the unit ball lie.

    >>> pretext = PointsSpaces.build((3, 8, 1))
    >>> moved, label = pretext(torch.zeros(1, 3, 8, 1), torch.Generator().manual_seed(0))
    >>> label.unique().tolist(), moved.shape  # the middle cell of 27
    ([13], torch.Size([1, 3, 8, 1]))
    """

    paper: ClassVar[Paper] = Paper(
        "Self-Supervised Deep Learning on Point Clouds by Reconstructing Space",
        "Sauder, Sievers",
        2019,
        "https://arxiv.org/abs/1901.08396",
        "section 3",
    )
    cells: ClassVar[int] = 3

    def __init__(self) -> None:
        self.task = DenseClasses("points_spaces", self.cells**3)

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "PointsSpaces":
        """The task for clouds [3, points, 1]."""
        check_cloud("points_spaces", shape)
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clouds to shuffled clouds, and each point's cell before, int64 [B, P, 1]."""
        n, cloud = self.cells, x.squeeze(3)
        place = ((cloud + 1) / 2 * n).floor().clamp(0, n - 1).long()
        label = (place[:, 0] * n + place[:, 1]) * n + place[:, 2]
        draw = torch.rand(len(x), n**3, generator=generator, device=x.device)
        moved = draw.argsort(1).gather(1, label)
        to = torch.stack([moved // n**2, moved // n % n, moved % n], 1)
        return (cloud + (to - place) * (2 / n)).unsqueeze(3), label.unsqueeze(2)
