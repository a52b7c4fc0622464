"""The blocks of residual networks, and the network they are put together to (He et al. 2016)."""

from typing import ClassVar

from torch import Tensor, nn

from auxin.catalogue import check_choice
from auxin.math.row_blocks import Conv2d
from auxin.models._layers import ImageTrunk, MeanPool, check_positive, norm_2d
from auxin.paper import Paper

RESNET = Paper(
    "Deep Residual Learning for Image Recognition",
    "He, Zhang, Ren, Sun",
    2016,
    "https://arxiv.org/abs/1512.03385",
)
STEMS = ("auto", "small", "large")


def conv(before: int, after: int, side: int, stride: int, norm: str) -> Conv2d:
    """A padded convolution, with a bias only where no normalisation has one."""
    return Conv2d(before, after, side, stride, padding=side // 2, bias=norm == "none")


class Block(nn.Module):
    """Layers beside a shortcut."""

    expansion: ClassVar[int]
    body: nn.Sequential
    shortcut: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps to feature maps."""
        return (self.body(x) + self.shortcut(x)).relu()


class Basic(Block):
    """Two convolutions 3x3 beside a shortcut (figure 5, left)."""

    expansion = 1

    def __init__(self, before: int, width: int, stride: int, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(before, width, 3, stride, norm),
            norm_2d(norm, width),
            nn.ReLU(),
            conv(width, width, 3, 1, norm),
            norm_2d(norm, width),
        )
        self.shortcut = shortcut(before, width, stride, norm)


class Bottleneck(Block):
    """Convolutions 1x1, 3x3, 1x1 beside a shortcut (figure 5, right), the stride in the 3x3."""

    expansion = 4

    def __init__(self, before: int, width: int, stride: int, norm: str) -> None:
        super().__init__()
        after = width * self.expansion
        self.body = nn.Sequential(
            conv(before, width, 1, 1, norm),
            norm_2d(norm, width),
            nn.ReLU(),
            conv(width, width, 3, stride, norm),
            norm_2d(norm, width),
            nn.ReLU(),
            conv(width, after, 1, 1, norm),
            norm_2d(norm, after),
        )
        self.shortcut = shortcut(before, after, stride, norm)


def shortcut(before: int, after: int, stride: int, norm: str) -> nn.Module:
    """The identity, or a 1x1 convolution where the shape changes (option B)."""
    if stride == 1 and before == after:
        return nn.Identity()
    return nn.Sequential(conv(before, after, 1, stride, norm), norm_2d(norm, after))


def residual(
    block: type[Block],
    counts: tuple[int, ...],
    shape: tuple[int, ...],
    width: int,
    norm: str,
    stem: str,
) -> nn.Sequential:
    """Stem, four stages and the mean over positions, with He-normal weights.

    Args:
        block: Class of the blocks.
        counts: How many blocks each stage has; from the second on, a stage halves the sides and doubles the
            width.
        shape: Shape of the images, [C, H, W].
        width: Number of feature maps of the first stage, before the block's expansion.
        norm: Kind of normalisation.
        stem: "small", one convolution 3x3; "large", convolution 7x7 of stride 2 and max pooling of stride 2;
            "auto", small where the shorter side is at most 64.
    """
    check_choice("stem", stem, STEMS)
    small = stem == "small" or (stem == "auto" and min(shape[1:]) <= 64)
    side, stride = (3, 1) if small else (7, 2)
    layers: list[nn.Module] = [conv(shape[0], width, side, stride, norm), norm_2d(norm, width), nn.ReLU()]
    layers += [] if small else [nn.MaxPool2d(3, 2, padding=1)]
    before = width
    for stage, count in enumerate(counts):
        for i in range(count):
            layers.append(block(before, width * 2**stage, 2 if stage and i == 0 else 1, norm))
            before = width * 2**stage * block.expansion
    network = nn.Sequential(*layers, MeanPool())
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


class ResNet(ImageTrunk):
    """A residual network; the members differ in the kind and the number of their blocks."""

    paper: ClassVar[Paper] = RESNET
    block: ClassVar[type[Block]]
    counts: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        channels: int,
        height: int,
        breadth: int,
        channel_width: int = 64,
        norm: str = "batch",
        stem: str = "auto",
    ) -> None:
        super().__init__()
        check_positive(type(self).__name__.lower(), channel_width=channel_width)
        shape = (channels, height, breadth)
        self.layers = residual(self.block, self.counts, shape, channel_width, norm, stem)
        self.width = 8 * channel_width * self.block.expansion
