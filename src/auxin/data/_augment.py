"""Random crops and flips of a whole batch of images at once, on its device."""

import torch
from torch import Tensor
from torch.nn import functional

from auxin.errors import ConfigError, message

KINDS = ("none", "crop", "crop_flip")


def check(kind: str, shape: tuple[int, ...]) -> None:
    """Raise a ConfigError unless inputs of this shape can be augmented so."""
    if kind not in KINDS:
        raise ConfigError(
            message(
                f"Unknown augmentation {kind!r}", expected=f"one of: {', '.join(KINDS)}", found=repr(kind)
            )
        )
    if kind != "none" and len(shape) != 3:
        raise ConfigError(
            message(
                f"Only images can be augmented by {kind!r}",
                expected="inputs [C, H, W]",
                found=f"inputs of shape {list(shape)}",
                do="Use augmentation='none'",
            )
        )


def padding(shape: tuple[int, ...]) -> int:
    """By how many pixels a crop may move an image: 4, or 2 where a side is shorter than 16."""
    return 4 if min(shape[1:]) >= 16 else 2


def augment(x: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Each image moved by up to `padding` pixels each way (zeros come in) and mirrored with probability 1/2.

    Args:
        x: images [B, C, H, W] of any type, which is kept; the values are only moved.
        kind: "none", "crop" or "crop_flip".
        generator: draws the moves, on its own device, so that a CPU generator draws alike for every device.

    >>> x = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    >>> augment(x, "none", torch.Generator()).equal(x)
    True
    """
    check(kind, tuple(x.shape[1:]))
    if kind == "none":
        return x
    rows, _, height, width = x.shape
    pad, draw = padding(tuple(x.shape[1:])), {"generator": generator, "device": generator.device}
    moves = torch.randint(0, 2 * pad + 1, (rows, 2), **draw).to(x.device)
    down = torch.arange(height, device=x.device) + moves[:, :1]
    across = torch.arange(width, device=x.device).expand(rows, width)
    if kind == "crop_flip":
        mirrored = (torch.rand(rows, 1, **draw) < 0.5).to(x.device)
        across = torch.where(mirrored, across.flip(1), across)
    across = across + moves[:, 1:]
    padded = functional.pad(x, (pad, pad, pad, pad))
    batch = torch.arange(rows, device=x.device).view(-1, 1, 1)
    return padded.permute(0, 2, 3, 1)[batch, down.unsqueeze(2), across.unsqueeze(1)].permute(0, 3, 1, 2)
