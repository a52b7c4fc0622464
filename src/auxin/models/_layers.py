"""What trunks share: trunks of images, normalisation by name, convolution blocks, checks of shapes and options."""

import math
from typing import ClassVar, Self

from torch import Tensor, nn

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.math.row_blocks import Conv2d
from auxin.models.base import Trunk

NORMS = ("batch", "group", "layer", "none")


def check_image(trunk: str, shape: tuple[int, ...], least: int) -> None:
    """Refuse anything but images [C, H, W] whose sides are at least `least`."""
    if len(shape) != 3 or min(shape) < 1 or min(shape[1:]) < least:
        raise ConfigError(
            f"The trunk {trunk!r} cannot take these inputs",
            expected=f"images [channels, height, width] with sides of at least {least}",
            found=f"shape {list(shape)}",
            do="Use mlp for rows of a table",
        )


class ImageTrunk(Trunk):
    """A trunk on images whose layers follow one another.

    Attributes:
        least: The least side of the images that it takes.
        layers: The layers, from images to features.
    """

    modality: ClassVar[str] = "image"
    channels_last: ClassVar[bool] = True
    least: ClassVar[int] = 1
    layers: nn.Sequential

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> Self:
        """The network for images of this shape, [C, H, W]."""
        check_image(cls.__name__.lower(), shape, cls.least)
        return cls(*shape, **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, C, H, W] to features [B, width]."""
        return self.layers(x)


def check_positive(trunk: str, **options: int) -> None:
    """Refuse options that are not whole numbers of at least 1."""
    for name, value in options.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(
                f"{name} of trunk {trunk!r} is not usable",
                expected="a whole number of at least 1",
                found=repr(value),
            )


def norm_2d(norm: str, channels: int) -> nn.Module:
    """A normalisation of feature maps; "group" has groups of 16 channels where they divide."""
    check_choice("norm", norm, NORMS)
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "none":
        return nn.Identity()
    return nn.GroupNorm(1 if norm == "layer" else channels // math.gcd(channels, 16), channels)


def norm_1d(norm: str, width: int) -> nn.Module:
    """A normalisation of feature vectors; "group" has groups of 16 features where they divide."""
    check_choice("norm", norm, NORMS)
    if norm == "batch":
        return nn.BatchNorm1d(width)
    if norm == "layer":
        return nn.LayerNorm(width)
    return nn.Identity() if norm == "none" else nn.GroupNorm(width // math.gcd(width, 16), width)


class MeanPool(nn.Module):
    """Feature maps [B, C, H, W] to their means over positions [B, C]."""

    def forward(self, x: Tensor) -> Tensor:
        """The mean over positions."""
        return x.mean((2, 3))


def conv_block(before: int, after: int, norm: str) -> list[nn.Module]:
    """Convolution 3x3, normalisation, ReLU; it has a bias only where no normalisation has one."""
    conv = Conv2d(before, after, 3, padding=1, bias=norm == "none")
    return [conv, norm_2d(norm, after), nn.ReLU()]


def xavier(network: nn.Module) -> None:
    """Xavier-uniform weights and zero biases for every convolution and linear layer, in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
