"""ResNet-18, with a stem for small images."""

from typing import ClassVar

from torch import Tensor

from auxin.models._base import Trunk
from auxin.models._layers import check_image, check_positive
from auxin.models._residual import RESNET, Basic, residual
from auxin.paper import Paper


class ResNet18(Trunk):
    """Eight residual blocks, two 3x3 convolutions each, in four stages; then the mean over positions.

    He et al. 2016, table 1, with He-normal weights. Images whose shorter side is at most 64 are met by one
    convolution 3x3 instead of the 7x7 of stride 2 and the max pooling, which would leave little of them.

    Args:
        channels: Number of channels of the images.
        height: Height of the images in pixels.
        breadth: Width of the images in pixels.
        channel_width: Number of feature maps of the first stage (64 in the paper); there are 8 times as many features.
        norm: "batch", "group", "layer" or "none".
        stem: "auto", "small" or "large".

    >>> ResNet18.build((3, 32, 32), channel_width=4).width
    32
    """

    modality: ClassVar[str] = "image"
    paper: ClassVar[Paper] = RESNET

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
        check_positive("resnet18", channel_width=channel_width)
        self.layers = residual(Basic, (2, 2, 2, 2), (channels, height, breadth), channel_width, norm, stem)
        self.width = 8 * channel_width * Basic.expansion

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> "ResNet18":
        """The network for images of this shape, [C, H, W]."""
        check_image("resnet18", shape)
        return cls(*shape, **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, C, H, W] to features [B, 8 channel_width]."""
        return self.layers(x)
