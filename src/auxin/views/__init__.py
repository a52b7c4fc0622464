"""Random views of inputs, made on their device: each file is one kind of change, and `compose` joins several."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.views.base import View

__all__ = ["AUTO", "View", "compose", "usual"]

AUTO = "auto"
"""Stands for the usual strong view of the inputs' kind."""
SMALL = 16
"""Images with a shorter side than this are small."""


def usual(shape: tuple[int, ...], *, text: bool = False) -> str:
    """The strong view that suits inputs of this shape.

    >>> usual((1, 8, 8)), usual((3, 32, 32)), usual((30,)), usual((900,), text=True)
    ('affine+intensity', 'affine+intensity+cutout', 'corruption', 'word_dropout')
    """
    if len(shape) == 3:  # of a small image a hole takes what tells its class
        return "affine+intensity" + ("+cutout" if min(shape[1:]) >= SMALL else "")
    return "word_dropout" if text else "corruption"


def compose(names: str, shape: tuple[int, ...], fill: Tensor | None = None, *, text: bool = False) -> View:
    """The views of these names, one after the other.

    Args:
        names: members joined by "+" (`affine+cutout`), each with a factor for its strength where wanted (`affine:0.5`);
            "auto" for the usual strong view; or "none".
        shape: Shape of one input, without the batch dimension.
        fill: What an empty pixel is, per channel, in the units of the inputs; zeros where not given.
        text: Whether the inputs are the words of a text.

    Raises:
        ConfigError: A name is not known, a strength is no number of at least 0, or a view cannot be made from inputs of
            this shape.

    >>> compose("shift+cutout", (1, 8, 8))(torch.zeros(2, 1, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 1, 8, 8])
    """
    wanted = usual(shape, text=text) if names == AUTO else names
    parts = [name.strip() for name in wanted.split("+") if name.strip() not in ("", "none")]
    background = torch.zeros(shape[:1]) if fill is None else fill
    return ComposedViews([_one(part, shape, background) for part in parts])


def _one(text: str, shape: tuple[int, ...], fill: Tensor) -> View:
    name, _, factor = text.partition(":")
    if name not in catalogue.names("views"):
        raise ConfigError(catalogue.unknown("view", name, [*catalogue.names("views"), AUTO, "none"]))
    try:
        strength = float(factor or 1)
    except ValueError:
        strength = -1.0
    if not 0 <= strength < math.inf:
        raise ConfigError(
            f"The strength of {name!r} is not usable", expected="a number of at least 0", found=text
        )
    return catalogue.load("views", name).build(shape, fill, strength)


class ComposedViews(View):
    """Views applied one after the other; none leave the inputs as they are.

    Args:
        parts: The views, in the order of their application.
    """

    def __init__(self, parts: Sequence[View]) -> None:
        self.parts = tuple(parts)

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "ComposedViews":
        """No change at all."""
        del shape, fill, strength
        return cls(())

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Changed inputs."""
        for part in self.parts:
            x = part(x, generator)
        return x
