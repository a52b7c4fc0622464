"""The contract of a task: the head's width, the loss per sample, the metric, and which labels are missing."""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import ClassVar

from torch import Tensor


class Task(ABC):
    """One thing the primary network predicts.

    Attributes:
        name: The task's name, the key of its targets and outputs.
        width: How many numbers the head puts out per sample.
        metrics: The metrics this kind of task knows; the first is the default. Greater is always better
            (errors are negated).
        dense: Whether it predicts something for every pixel (outputs [B, width, H, W]).

    Every kind is made as `Kind(name, size, ...)`, where size counts its classes, attributes or components.

    Three samples of five classes, the last without a label:

    >>> import torch
    >>> from auxin.tasks.classes import Classes
    >>> breed, labels = Classes("breed", 5), torch.tensor([0, 3, -1])
    >>> breed.loss(torch.zeros(3, 5), labels)
    tensor([1.6094, 1.6094, 0.0000])
    >>> breed.present(labels).tolist(), breed.metrics[0]
    ([True, True, False], 'accuracy')
    """

    metrics: ClassVar[tuple[str, ...]]
    dense: ClassVar[bool] = False

    def __init__(self, name: str, width: int) -> None:
        self.name = name
        self.width = width

    @abstractmethod
    def check(self, target: Tensor) -> None:
        """Refuse targets that this task cannot learn from; asked once per data set, never in the loop.

        Raises:
            DataError: The wrong type, shape or range.
        """

    def accept(self, target: Tensor) -> Tensor:
        """Labels in any form in which a user's batch may hold them, checked, in the form that this task takes.

        Asked for every batch of a loop of one's own, where nothing has checked the data before.

        Args:
            target: Class numbers as integers, booleans or floating-point numbers, or one-hot rows; real numbers of
                any type; with or without a second dimension of size 1.

        Raises:
            DataError: The wrong shape or range.
        """
        target = self._read(target)
        self.check(target)
        return target

    def _read(self, target: Tensor) -> Tensor:
        """The labels in the form that this task takes, not checked yet."""
        return target

    @abstractmethod
    def present(self, target: Tensor) -> Tensor:
        """Which samples carry a label, bool [B]."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]; exactly zero, with zero gradient, where the label is missing.

        Args:
            output: What the head put out, [B, width] (or [B, width, H, W] where `dense`).
            target: The labels, [B] or [B, ...]; a kind may also take soft targets.
        """

    def alike(self) -> Hashable:
        """A key of tasks whose rows may stand in one call of `scaled_loss`, that of any of them; None: its own alone.

        Each row's loss must then be a function of that row's output and scaled target and of nothing else: of no
        other row, of no parameter.
        """
        return None

    @property
    def unit(self) -> tuple[float, float]:
        """What is subtracted from a target, and what the difference is divided by, for `scaled_loss`."""
        return 0.0, 1.0

    def scaled_loss(self, output: Tensor, scaled: Tensor) -> Tensor:
        """`loss`, from targets in that unit."""
        return self.loss(output, scaled)

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """The prediction a user sees (class numbers, values), from the head's output."""

    @abstractmethod
    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric over samples whose label is present; greater is better, NaN where there are none.

        Raises:
            ConfigError: The metric is not one of `metrics`.
        """


CONTRACT = Task
