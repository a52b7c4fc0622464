"""What networks of points share: shapes, layers that act on each point alone, neighbours."""

from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.models._layers import norm_2d
from auxin.models.base import Trunk


class PointTrunk(Trunk):
    """A trunk on clouds of points, which puts out features for every point."""

    modality: ClassVar[str] = "points"
    dense: ClassVar[bool] = True

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> Self:
        """The network for clouds of this shape, [C, points, 1], of at least two points."""
        if len(shape) != 3 or shape[0] < 1 or shape[1] < 2 or shape[2] != 1:
            raise ConfigError(
                f"The trunk {cls.__name__.lower()!r} cannot take these inputs",
                expected="clouds of points [coordinates, points, 1]",
                found=f"shape {list(shape)}",
                do="Use another trunk (`auxin ls models`)",
            )
        return cls(*shape, **options)  # type: ignore[arg-type]


def pointwise(before: int, after: int, norm: str) -> list[nn.Module]:
    """The same linear map for every point, normalisation, ReLU; a bias only where no normalisation has one."""
    return [nn.Conv2d(before, after, 1, bias=norm == "none"), norm_2d(norm, after), nn.ReLU()]


def neighbours(x: Tensor, count: int) -> Tensor:
    """The numbers of each point's nearest points, itself among them, int64 [B, P, count], from [B, C, P].

    >>> neighbours(torch.tensor([[[0.0, 1.0, 5.0]]]), 2).tolist()
    [[[0, 1], [1, 0], [2, 1]]]
    """
    with torch.no_grad():
        square = x.square().sum(1)
        distance = square[:, :, None] + square[:, None, :] - 2 * x.transpose(1, 2) @ x
        return distance.topk(min(count, x.shape[2]), dim=2, largest=False).indices


def gathered(x: Tensor, index: Tensor) -> Tensor:
    """The features of each point's neighbours, [B, C, P, k], from [B, C, P] and [B, P, k]."""
    batch, channels, points = x.shape
    flat = index.flatten(1).unsqueeze(1).expand(batch, channels, -1)
    return x.gather(2, flat).view(batch, channels, points, index.shape[2])
