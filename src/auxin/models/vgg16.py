"""VGG-16 with batch norm and the papers' two-layer heads, for images of about 32x32."""

from torch import nn

from auxin.models._layers import ImageTrunk, MeanPool, check_positive, conv_block, xavier
from auxin.paper import MAXL

_BLOCKS = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Per block: feature maps in units of `channel_width`, and how many convolutions."""


class VGG16(ImageTrunk):
    """Thirteen convolutions 3x3 in five blocks of 64, 128, 256, 512, 512 maps, 2x2 max pooling after each.

    Liu, Davison, Johns 2019, section 4.1, and the authors' code: batch norm after each convolution, heads
    512-512-C, weights Xavier-uniform, biases zero. Departures: convolutions have no bias under a
    normalisation (it would have no effect and a zero gradient); blocks stop pooling at a side of 1 and what
    is left is averaged, so that images of other sizes than 32x32 are taken too.

    Args:
        channels: Number of channels of the images.
        height: Height of the images in pixels.
        breadth: Width of the images in pixels.
        channel_width: Number of feature maps in the first block (64 in the paper); there are 8 times as many features.
        norm: "batch", "group", "layer" or "none".

    >>> trunk = VGG16.build((3, 32, 32), channel_width=4)
    >>> trunk.width, trunk.head_width
    (32, 32)
    """

    paper = MAXL

    def __init__(
        self, channels: int, height: int, breadth: int, channel_width: int = 64, norm: str = "batch"
    ) -> None:
        super().__init__()
        check_positive("vgg16", channel_width=channel_width)
        layers: list[nn.Module] = []
        before, side = channels, min(height, breadth)
        for factor, convolutions in _BLOCKS:
            for _ in range(convolutions):
                layers += conv_block(before, channel_width * factor, norm)
                before = channel_width * factor
            layers += [nn.MaxPool2d(2)] if side >= 2 else []
            side //= 2 if side >= 2 else 1
        self.layers = nn.Sequential(*layers, MeanPool())
        self.width = self.head_width = before
        xavier(self)
