"""Random crops and flips of a whole batch of images at once, on its device."""

import torch
from torch import Tensor
from torch.nn import functional

from auxin.errors import ConfigError

KINDS = ("none", "crop", "crop_flip")


def check(kind: str, shape: tuple[int, ...]) -> None:
    """Raise a ConfigError unless inputs of this shape can be augmented so."""
    if kind not in KINDS:
        raise ConfigError(
            f"Unknown augmentation {kind!r}", expected=f"one of: {', '.join(KINDS)}", found=repr(kind)
        )
    if kind != "none" and len(shape) != 3:
        raise ConfigError(
            f"Only images can be augmented by {kind!r}",
            expected="inputs [C, H, W]",
            found=f"inputs of shape {list(shape)}",
            do="Use augmentation='none'",
        )


def padding(shape: tuple[int, ...]) -> int:
    """By how many pixels a crop may move an image: 4, or 2 where a side is shorter than 16."""
    return 4 if min(shape[1:]) >= 16 else 2


def draw(shape: tuple[int, ...], kind: str, generator: torch.Generator) -> Tensor | None:
    """The moves of a batch of images of this shape [B, C, H, W]: steps down, steps right, mirrored or not, [B, 3]."""
    check(kind, shape[1:])
    if kind == "none":
        return None
    pad, where = padding(shape[1:]), {"generator": generator, "device": generator.device}
    moves = torch.randint(0, 2 * pad + 1, (shape[0], 2), **where)
    mirrored = torch.zeros_like(moves[:, :1])
    if kind == "crop_flip":
        mirrored = (torch.rand(shape[0], 1, **where) < 0.5).long()
    return torch.cat([moves, mirrored], 1)


def move(x: Tensor, moves: Tensor, fill: float = 0.0) -> Tensor:
    """Images [B, C, H, W], or maps [B, H, W], moved; `fill` comes in at the borders."""
    if x.dim() == 3:
        return move(x.unsqueeze(1), moves, fill).squeeze(1)
    rows, _, height, width = x.shape
    pad = padding(tuple(x.shape[1:]))
    down = torch.arange(height, device=x.device) + moves[:, :1]
    across = torch.arange(width, device=x.device).expand(rows, width)
    across = torch.where(moves[:, 2:] > 0, across.flip(1), across) + moves[:, 1:2]
    padded = functional.pad(x, (pad, pad, pad, pad), value=fill)
    batch = torch.arange(rows, device=x.device).view(-1, 1, 1)
    return padded.permute(0, 2, 3, 1)[batch, down.unsqueeze(2), across.unsqueeze(1)].permute(0, 3, 1, 2)
