"""SegNet: encoder and decoder with remembered max-pooling positions, for tasks with an output per pixel."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.models._layers import ImageTrunk, check_positive, conv_block, xavier
from auxin.paper import Paper

_LEVELS = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Per level: feature maps in units of `channel_width`, and how many convolutions."""


class SegNet(ImageTrunk):
    """VGG-16's blocks down and their mirror image up; unpooling puts values back where pooling took them.

    Badrinarayanan, Kendall, Cipolla 2017, section 3; the network of AuxiLearn's section 5.3. Xavier-uniform
    weights, zero biases. Smaller by default than the paper's (64 maps, 5 levels). Sides need not be powers
    of two: what pooling leaves over comes back as zeros, and levels stop where a side would vanish.

    Args:
        channels: Number of channels of the images.
        height: Height of the images in pixels.
        breadth: Width of the images in pixels.
        channel_width: Number of feature maps at full resolution, and of features.
        levels: Number of times the sides are halved, 1 to 5.
        norm: "batch", "group", "layer" or "none".

    >>> SegNet.build((3, 12, 10), channel_width=4)(torch.zeros(2, 3, 12, 10)).shape
    torch.Size([2, 4, 12, 10])
    """

    least = 2
    dense = True
    channels_last = False
    paper = Paper(
        "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation",
        "Badrinarayanan, Kendall, Cipolla",
        2017,
        "https://arxiv.org/abs/1511.00561",
        "section 3",
    )

    def __init__(
        self,
        channels: int,
        height: int,
        breadth: int,
        channel_width: int = 32,
        levels: int = 4,
        norm: str = "batch",
    ) -> None:
        super().__init__()
        check_positive("segnet", channel_width=channel_width, levels=levels)
        self.width = channel_width
        used = _LEVELS[: min(levels, len(_LEVELS), min(height, breadth).bit_length() - 1)]
        before, down, up = channels, [], []
        for factor, count in used:
            after = factor * channel_width
            down.append(_block(before, after, after, count, norm))
            up.append(_block(after, after, before if up else channel_width, count, norm))
            before = after
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(reversed(up))
        xavier(self)

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, C, H, W] to a feature map [B, channel_width, H, W]."""
        places = []
        for block in self.down:
            x = block(x)
            sides = x.shape[2:]
            x, place = F.max_pool2d(x, 2, return_indices=True)
            places.append((place, sides))
        for block, (place, sides) in zip(self.up, reversed(places), strict=True):
            x = block(_unpool(x, place, sides))
        return x


def _block(before: int, inside: int, after: int, count: int, norm: str) -> nn.Sequential:
    """`count` convolutions from `before` through `inside` to `after` feature maps."""
    sizes = [before] + [inside] * (count - 1) + [after]
    return nn.Sequential(*[layer for i in range(count) for layer in conv_block(sizes[i], sizes[i + 1], norm)])


def _unpool(x: Tensor, place: Tensor, sides: torch.Size) -> Tensor:
    """Values put back at their places, zeros elsewhere; `max_unpool2d` has no deterministic form on a GPU."""
    flat = torch.zeros(*x.shape[:2], sides.numel(), dtype=x.dtype, device=x.device)
    return flat.scatter(2, place.flatten(2), x.flatten(2)).unflatten(2, sides)
