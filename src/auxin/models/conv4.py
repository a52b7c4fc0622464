"""4-layer ConvNet for small images, AuxiLearn's network for SVHN."""

from torch import nn

from auxin.catalogue import check_choice
from auxin.models._layers import ImageTrunk, MeanPool, check_positive, conv_block


class Conv4(ImageTrunk):
    """Four times convolution 3x3, normalisation, ReLU and 2x2 max pooling; then features by `pool`.

    Navon et al. 2021, section 5.4, name "a 4-layers ConvNet" for SVHN and no more; MAXL's text has no such
    network. The blocks are those customary for that name. Images too small to be halved four times are halved
    while a side allows (8x8 digits: three times), so nothing is ever empty. The ReLU comes after the pooling, which
    gives the same numbers for a quarter of its work. Weights start as PyTorch's convolutions do.

    Args:
        channels: Number of channels of the images.
        height: Height of the images in pixels.
        breadth: Width of the images in pixels.
        channel_width: Number of feature maps in each layer.
        depth: Number of layers, 4 as a rule; 2 keep more of the positions in small images (8x8 digits: 2x2).
        norm: "batch", "group", "layer" or "none".
        pool: "flatten" keeps the position of what is left (32x32 images: 2x2 positions), "mean" averages
        over it.

    >>> Conv4.build((1, 8, 8), channel_width=16).width, Conv4.build((3, 32, 32), channel_width=16).width
    (16, 64)
    """

    def __init__(
        self,
        channels: int,
        height: int,
        breadth: int,
        channel_width: int = 32,
        norm: str = "batch",
        pool: str = "flatten",
        depth: int = 4,
    ) -> None:
        super().__init__()
        check_positive("conv4", channel_width=channel_width, depth=depth)
        check_choice("pool", pool, ("flatten", "mean"))
        layers: list[nn.Module] = []
        for before in [channels] + [channel_width] * (depth - 1):
            *linear, relu = conv_block(before, channel_width, norm)
            layers += linear
            if min(height, breadth) >= 2:
                layers.append(nn.MaxPool2d(2))
                height, breadth = height // 2, breadth // 2
            layers.append(relu)
        self.layers = nn.Sequential(*layers, MeanPool() if pool == "mean" else nn.Flatten())
        self.width = channel_width * (height * breadth if pool == "flatten" else 1)
