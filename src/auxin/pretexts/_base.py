"""The contract of a pretext task: auxiliary samples made from inputs alone, x -> (x', y')."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from auxin.tasks._base import Task


class Pretext(ABC):
    """A self-made auxiliary task.

    A pretext's samples enter the batch as further rows that carry its label only (their main label is
    missing), so rows with and without a main label need no special case anywhere.

    Attributes:
        task: Task of its labels.
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


CONTRACT = Pretext
