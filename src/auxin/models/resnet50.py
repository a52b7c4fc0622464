"""ResNet-50, with a stem for small images."""

from auxin.models._residual import Bottleneck, ResNet


class ResNet50(ResNet):
    """Sixteen residual blocks, a bottleneck 1x1, 3x3, 1x1 each, in four stages; then the mean over positions.

    He et al. 2016, table 1, with He-normal weights. Images whose shorter side is at most 64 are met by one
    convolution 3x3 instead of the 7x7 of stride 2 and the max pooling, which would leave little of them.

    Args:
        channels: Number of channels of the images.
        height: Height of the images in pixels.
        breadth: Width of the images in pixels.
        channel_width: Number of feature maps of the first stage (64 in the paper); there are 32 times as many features.
        norm: "batch", "group", "layer" or "none".
        stem: "auto", "small" or "large".

    >>> ResNet50.build((3, 32, 32), channel_width=4).width
    128
    """

    block = Bottleneck
    counts = (3, 4, 6, 3)
