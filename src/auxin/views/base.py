"""The contract of a view: inputs to changed inputs that keep their class."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from auxin.errors import ConfigError


class View(ABC):
    """A random change of inputs after which a row still belongs to its class.

    Views work on normalised inputs of a whole batch, on their device. All rows are changed independently.
    """

    @classmethod
    @abstractmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "View":
        """The view for inputs of this shape (without the batch dimension).

        Args:
            shape: Shape of one input.
            fill: What an empty pixel is, float [C], in the units of the inputs; tables have no use for it.
            strength: What the usual amounts of the change are multiplied by; at 0 the inputs stay as they are.

        Raises:
            ConfigError: Inputs of this shape cannot be changed so.
        """

    @abstractmethod
    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Changed inputs, in the shape of x.

        Args:
            x: Inputs [B, ...], float; they are left as they are.
            generator: Generator of all random numbers, on the device of x.
        """


def check_image(name: str, shape: tuple[int, ...]) -> None:
    """Raise a ConfigError unless this is the shape of images, [C, H, W]."""
    if len(shape) != 3:
        raise ConfigError(
            f"The view {name!r} changes images",
            expected="inputs of shape [C, H, W]",
            found=f"inputs of shape {list(shape)}",
            do="For tables use corruption, for texts word_dropout",
        )


def check_vector(name: str, shape: tuple[int, ...]) -> None:
    """Raise a ConfigError unless this is the shape of a table's rows, [D]."""
    if len(shape) != 1:
        raise ConfigError(
            f"The view {name!r} changes rows of a table",
            expected="inputs of shape [D]",
            found=f"inputs of shape {list(shape)}",
            do="For images use affine, shift, intensity or cutout",
        )


def uniform(count: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Numbers from -1 to 1, [count], on the device and of the type of `like`."""
    return torch.rand(count, generator=generator, device=like.device, dtype=like.dtype) * 2 - 1


CONTRACT = View
