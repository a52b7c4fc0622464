"""DGCNN: a network on clouds of points whose neighbourhoods are found anew in every layer's features."""

import torch
from torch import Tensor, nn

from auxin.models._layers import check_positive, xavier
from auxin.models._points import PointTrunk, gathered, neighbours, pointwise
from auxin.paper import Paper


class Dgcnn(PointTrunk):
    """Three edge convolutions, a global maximum, and features for every point, [B, width, points, 1].

    Wang et al. 2019, section 3 and the segmentation network of figure 3; the backbone of AuxiLearn's appendix C.9. An
    edge convolution maps each pair (x_i, x_j - x_i) of a point and one of its k nearest in the current features by a
    layer that all pairs share, and takes the maximum over the k. Departures: one layer per edge convolution (the first
    two of the paper have two), ReLU for leaky ReLU, and neither the object's category (nor has AuxiLearn) nor a spatial
    transformer at the input.

    Args:
        channels: Number of coordinates per point.
        points: Number of points of a cloud (any number works).
        breadth: 1.
        channel_width: features of an edge convolution (64 in the paper); 4 times as many for each point.
        nearest: Number k of nearest neighbours (20 in the paper); all points if a cloud has fewer.
        norm: "batch", "group", "layer" or "none".

    >>> Dgcnn.build((3, 10, 1), channel_width=4)(torch.randn(2, 3, 10, 1)).shape
    torch.Size([2, 16, 10, 1])
    """

    paper = Paper(
        "Dynamic Graph CNN for Learning on Point Clouds",
        "Wang, Sun, Liu, Sarma, Bronstein, Solomon",
        2019,
        "https://arxiv.org/abs/1801.07829",
        "section 3",
    )

    def __init__(
        self,
        channels: int,
        points: int,
        breadth: int,
        channel_width: int = 64,
        nearest: int = 20,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        del points, breadth
        check_positive("dgcnn", channel_width=channel_width, nearest=nearest)
        self.nearest, self.width = nearest, 4 * channel_width
        sizes = [channels, channel_width, channel_width, channel_width]
        self.edges = nn.ModuleList(
            nn.Sequential(*pointwise(2 * sizes[i], sizes[i + 1], norm)) for i in range(3)
        )
        self.whole = nn.Sequential(*pointwise(3 * channel_width, 16 * channel_width, norm))
        self.each = nn.Sequential(
            *pointwise(19 * channel_width, 8 * channel_width, norm),
            *pointwise(8 * channel_width, self.width, norm),
        )
        xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """Clouds [B, C, points, 1] to features [B, 4 channel_width, points, 1]."""
        found, x = [], x.squeeze(3)
        for edge in self.edges:
            near = gathered(x, neighbours(x, self.nearest))
            centre = x.unsqueeze(3).expand_as(near)
            x = edge(torch.cat([centre, near - centre], 1)).amax(3)
            found.append(x)
        local = torch.cat(found, 1).unsqueeze(3)
        whole = self.whole(local).amax(2, keepdim=True).expand(-1, -1, local.shape[2], -1)
        return self.each(torch.cat([whole, local], 1))
