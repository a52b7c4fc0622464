"""Affine: an image is rotated, scaled, sheared and moved a little."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from auxin.views.base import View, check_image, uniform


@dataclass(frozen=True, eq=False)
class Affine(View):
    """Each image is rotated, scaled, sheared and moved by amounts drawn uniformly, in one bilinear resampling.

    These are the geometric changes of RandAugment (Cubuk, Zoph, Shlens, Le 2020, "RandAugment: Practical automated
    data augmentation with a reduced search space", table 6), drawn jointly for each row rather than two of a list
    in turn, so that a batch costs one resampling. With every amount at 0 the images stay as they are, to rounding.

    Attributes:
        fill: Value of an empty pixel, [C].
        degrees: Largest rotation in degrees, in either direction.
        scale: Largest relative change of either side.
        shear: Largest shear.
        translate: Largest translation, as a share of the side.

    >>> view = Affine.build((1, 8, 8), torch.zeros(1))
    >>> view(torch.rand(3, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([3, 1, 8, 8])
    """

    fill: Tensor
    degrees: float = 20.0
    scale: float = 0.15
    shear: float = 0.15
    translate: float = 0.12

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "Affine":
        """Affine changes of images [C, H, W]."""
        check_image("affine", shape)
        usual = cls(fill)
        return cls(fill, *(strength * v for v in (usual.degrees, usual.scale, usual.shear, usual.translate)))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W] to changed images."""
        return warp(x, self._matrices(x, generator), self.fill)

    def _matrices(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The map from a changed image's coordinates to those of the image, [B, 2, 3]; coordinates run from -1 to 1."""
        turn = math.radians(self.degrees)
        largest = x.new_tensor(
            [turn, self.scale, self.scale, self.shear, 2 * self.translate, 2 * self.translate]
        )
        amounts = uniform(6 * len(x), generator, x).view(6, len(x)) * largest.unsqueeze(1)
        angle, wide, high, shear, across, down = amounts
        cos, sin = angle.cos(), angle.sin()
        wide, high = 1 + wide, 1 + high
        rows = [cos * wide, shear - sin * high, across, sin * wide, cos * high, down]
        return torch.stack(rows, 1).view(-1, 2, 3)


def warp(x: Tensor, matrices: Tensor, fill: Tensor) -> Tensor:
    """Images resampled bilinearly at mapped coordinates; outside of an image stands `fill`.

    Args:
        x: Images [B, C, H, W].
        matrices: From coordinates of the result to those of x, [B, 2, 3], both from -1 to 1 over the image.
        fill: [C].

    >>> quarter = torch.tensor([[[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    >>> warp(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), quarter, torch.zeros(1))
    tensor([[[[3., 1.],
              [4., 2.]]]])
    """
    empty = fill.to(x).view(1, -1, 1, 1)
    grid = functional.affine_grid(matrices, list(x.shape), align_corners=False)
    return functional.grid_sample(x - empty, grid, align_corners=False) + empty
