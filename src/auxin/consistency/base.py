"""The contract of a consistency: a loss between the weak and the strong view of a row, without any label.

The strong views enter the batch as further rows. The target of such a row is the position, within the batch, of the
weak view of the same row; so a consistency is a task like any other, whose labels are pairs of rows.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from auxin.paper import Paper
from auxin.tasks.base import Task
from auxin.typing import MISSING, Batch


class ViewAgreement(Task):
    """A task whose targets say which row of the batch is the other view of a row.

    Targets: int64 [B], the position of the weak view for a row that is a strong view, -1 elsewhere. It predicts nothing
    for a user and has no score.
    """

    metrics: ClassVar[tuple[str, ...]] = ("agreement",)

    def check(self, target: Tensor) -> None:
        """Any position goes."""
        del target

    def present(self, target: Tensor) -> Tensor:
        """Which rows are strong views, bool [B]."""
        return ~target.isnan().any(1) if target.is_floating_point() else target >= 0

    def predict(self, output: Tensor) -> Tensor:
        """The output itself."""
        return output

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """NaN: there is nothing to be right about."""
        del output, target, metric
        return float("nan")


class Consistency(nn.Module, ABC):
    """A loss that is small if the outputs for two views of a row agree.

    Attributes:
        own_head: Whether it compares the outputs of a head of its own; otherwise it uses the main task's head.
        compiles: Whether the compiler can record a step with it.
        paper: Paper that introduced it.
        task: Task that represents it, with the member's name.
    """

    own_head: ClassVar[bool] = False
    compiles: ClassVar[bool] = True
    paper: ClassVar[Paper | None] = None
    task: ViewAgreement

    # `*_` tells type checkers that members name the options that they take
    @classmethod
    @abstractmethod
    def build(cls, main: Task, *_: Any, **options: Any) -> "Consistency":
        """The consistency for this main task; options are the member's own, flat keyword arguments.

        Raises:
            ConfigError: An option out of its range.
        """

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """The reason why it cannot be used with this main task, or None if it can."""
        return "two views of an image differ pixel by pixel." if main.dense else None

    def attach(self, network: nn.Module) -> None:
        """Called once with the primary network at its start."""
        del network

    def targets(self, batch: Batch, pairs: Tensor) -> Tensor:
        """The task's targets for a batch; by default the pairs themselves.

        Args:
            batch: The rows, weak and strong views among them.
            pairs: The position of each strong view's weak view, -1 elsewhere, int64 [B].
        """
        del batch
        return pairs

    def after_step(self, network: nn.Module) -> None:
        """Called after each training step with the network as it has become."""
        del network


def pairs_of(batch: Batch, name: str) -> Tensor:
    """The pairs that a batch carries under this name, int64 [B]; all missing where it carries none."""
    return batch.y[name] if name in batch.y else torch.full_like(batch.rows, MISSING)


def only(values: Tensor, present: Tensor) -> Tensor:
    """The rows [B, D] that are present, zeros (with zero gradient) for the others.

    >>> only(torch.tensor([[1.0], [torch.nan]]), torch.tensor([True, False])).tolist()
    [[1.0], [0.0]]
    """
    return torch.where(present.unsqueeze(1), values, 0.0)


def masked_mean(values: Tensor, weights: Tensor) -> Tensor:
    """The mean of the rows [B, D] that count, [D]; zero where none do.

    Args:
        values: [B, D].
        weights: 1 for a row that counts and 0 for another, [B].

    >>> masked_mean(torch.tensor([[1.0], [3.0], [9.0]]), torch.tensor([1.0, 1.0, 0.0]))
    tensor([2.])
    """
    return (values * weights.unsqueeze(1)).sum(0) / weights.sum().clamp(min=1)


CONTRACT = Consistency
