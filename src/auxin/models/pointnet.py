"""PointNet without transformers: every point by itself, then the maximum over all of them."""

import torch
from torch import Tensor, nn

from auxin.models._layers import check_positive, xavier
from auxin.models._points import PointTrunk, pointwise
from auxin.paper import Paper


class PointNet(PointTrunk):
    """Features of every point beside the maximum over all points, [B, width, points, 1].

    Qi et al. 2017, section 4.2, the segmentation network, without the transformers of inputs and features: the smaller
    version that AuxiLearn's appendix C.9 has for its auxiliary network.

    Args:
        channels: Number of coordinates per point.
        points: Number of points of a cloud (any number works).
        breadth: 1.
        channel_width: Number of features of the first layer (64 in the paper); each point has twice as many features.
        norm: "batch", "group", "layer" or "none".

    >>> PointNet.build((3, 10, 1), channel_width=4)(torch.randn(2, 3, 10, 1)).shape
    torch.Size([2, 8, 10, 1])
    """

    paper = Paper(
        "PointNet: Deep Learning on Point Sets for 3D Classification and Segmentation",
        "Qi, Su, Mo, Guibas",
        2017,
        "https://arxiv.org/abs/1612.00593",
        "section 4.2",
    )

    def __init__(
        self, channels: int, points: int, breadth: int, channel_width: int = 64, norm: str = "batch"
    ) -> None:
        super().__init__()
        del points, breadth
        check_positive("pointnet", channel_width=channel_width)
        first, self.width = channel_width, 2 * channel_width
        self.local = nn.Sequential(*pointwise(channels, first, norm), *pointwise(first, first, norm))
        self.whole = nn.Sequential(*pointwise(first, 2 * first, norm), *pointwise(2 * first, 8 * first, norm))
        self.each = nn.Sequential(
            *pointwise(9 * first, 4 * first, norm), *pointwise(4 * first, self.width, norm)
        )
        xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """Clouds [B, C, points, 1] to features [B, 2 channel_width, points, 1]."""
        local = self.local(x)
        whole = self.whole(local).amax(2, keepdim=True).expand(-1, -1, local.shape[2], -1)
        return self.each(torch.cat([whole, local], 1))
