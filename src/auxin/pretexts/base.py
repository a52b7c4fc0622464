"""The contract of a pretext task: auxiliary samples made from inputs alone, x -> (x', y')."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.tasks.base import Task


class Pretext(ABC):
    """A self-made auxiliary task.

    A pretext's samples enter the batch as further rows that carry its label only (their main label is
    missing), so rows with and without a main label need no special case anywhere.

    Attributes:
        task: Task of its labels.

    Two images of 4 x 4, each turned by 0, 90, 180 or 270 degrees, and by how much:

    >>> from auxin.pretexts.rotation import Rotation
    >>> rotation = Rotation.build((1, 4, 4))
    >>> x, y = rotation(torch.rand(2, 1, 4, 4), torch.Generator().manual_seed(0))
    >>> x.shape[1:], rotation.task.width, bool((y < 4).all())
    (torch.Size([1, 4, 4]), 4, True)
    """

    task: Task

    @classmethod
    @abstractmethod
    def build(cls, shape: tuple[int, ...]) -> "Pretext":
        """The pretext for inputs of this shape (without the batch dimension).

        Raises:
            ConfigError: The pretext cannot be made from inputs of this shape (rotations of a table row, say).
        """

    @abstractmethod
    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Changed inputs and their labels.

        Args:
            x: Inputs [B, ...].
            generator: Generator of all random numbers, on the device of x.

        Returns:
            x' [B, ...] and y' (shape as the task's targets).
        """


def check_shape(fits: bool, what: str, expected: str, shape: tuple[int, ...]) -> None:
    """Refuse inputs of a shape that does not fit, and say what is needed."""
    if not fits:
        raise ConfigError(what, expected=expected, found=f"{list(shape)}")


CONTRACT = Pretext
