"""ResNet-18, with a stem for small images."""

from auxin.models._residual import Basic, ResNet


class ResNet18(ResNet):
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

    block = Basic
    counts = (2, 2, 2, 2)
