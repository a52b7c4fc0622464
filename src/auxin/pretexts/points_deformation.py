"""Points deformation (DefRec): a region's points are drawn anew around its centre, and their places must be found."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import Paper
from auxin.pretexts._points import check_cloud
from auxin.pretexts.base import Pretext
from auxin.tasks.dense_regression import DenseRegression


class PointsDeformation(Pretext):
    """The quarter of the points that are nearest to a random one are replaced by Gaussian points around their mean.

    Achituve, Maron, Chechik 2020 (DefRec), section 3, deformation by a sphere; the label of a replaced point is its own
    place, other points have none. Departure: places are compared point by point, where the paper has the Chamfer
    distance between the region and what is predicted for it.

    >>> pretext = PointsDeformation.build((3, 8, 1))
    >>> x = torch.randn(2, 3, 8, 1, generator=torch.Generator().manual_seed(0))
    >>> changed, label = pretext(x, torch.Generator().manual_seed(0))
    >>> [int(n) for n in (changed != x).any(1).flatten(1).sum(1)], int((~label.isnan()).any(1).sum())
    ([2, 2], 4)
    """

    paper: ClassVar[Paper] = Paper(
        "Self-Supervised Learning for Domain Adaptation on Point Clouds",
        "Achituve, Maron, Chechik",
        2020,
        "https://arxiv.org/abs/2003.12641",
        "section 3",
    )
    share: ClassVar[float] = 0.25
    spread: ClassVar[float] = 0.05

    def __init__(self) -> None:
        self.task = DenseRegression("points_deformation", 3)

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "PointsDeformation":
        """The task for clouds [3, points, 1]."""
        check_cloud("points_deformation", shape)
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clouds to deformed clouds, and the places of the points that were replaced, NaN elsewhere."""
        cloud = x.squeeze(3)
        count = max(1, int(self.share * cloud.shape[2]))
        chosen = torch.randint(cloud.shape[2], (len(x),), generator=generator, device=x.device)
        centre = cloud.gather(2, chosen.view(-1, 1, 1).expand(-1, 3, 1))
        near = (cloud - centre).square().sum(1).topk(count, dim=1, largest=False).indices
        index = near.unsqueeze(1).expand(-1, 3, -1)
        own = cloud.gather(2, index)
        noise = torch.randn(own.shape, generator=generator, device=x.device, dtype=x.dtype)
        changed = cloud.scatter(2, index, own.mean(2, keepdim=True) + self.spread * noise)
        label = torch.full_like(cloud, float("nan")).scatter(2, index, own)
        return changed.unsqueeze(3), label.unsqueeze(3)
