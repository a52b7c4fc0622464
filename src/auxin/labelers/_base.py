"""The contract of a labeler: inputs (and main labels) to the targets of one auxiliary task, or of several."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from auxin.math.hierarchy import Hierarchy
from auxin.paper import Paper
from auxin.tasks._base import Task
from auxin.tasks.classes import Classes
from auxin.typing import Batch

LABELS = "labels"
"""The name of the task whose targets a labeler generates, where it generates one task's."""

Targets = Tensor | Mapping[str, Tensor]
"""What a labeler makes of a batch: one task's targets, or those of several tasks by name."""


def by_task(targets: Targets | None) -> dict[str, Tensor]:
    """Generated targets by the names of their tasks; none for None.

    >>> list(by_task(torch.zeros(1, 2))), list(by_task({"labels1": torch.zeros(1, 2)})), by_task(None)
    (['labels'], ['labels1'], {})
    """
    if targets is None:
        return {}
    return {LABELS: targets} if isinstance(targets, Tensor) else dict(targets)


@dataclass(frozen=True)
class LabelerContext:
    """What a labeler may know when it is made: the training rows and nothing else.

    Attributes:
        main: the name of the main task (its labels are class numbers).
        hierarchy: psi, auxiliary classes per primary class.
        x: the training inputs as the network sees them (normalised, not augmented), float [N, ...].
        y: their targets by task, -1 or NaN where missing.
        rows: their row numbers in the data set, int64 [N].
        trunk: makes a fresh network from inputs to features, with an attribute `width`, for labelers that
            need one.
        seed: the only source of randomness.
        aux: the given auxiliary task that labelers such as `given` read, or None.
        tasks: the tasks that the targets belong to, by name.
        epochs: how many the training will take; 0 where that is not known.
    """

    main: str
    hierarchy: Hierarchy
    x: Tensor
    y: Mapping[str, Tensor]
    rows: Tensor
    trunk: Callable[[], nn.Module]
    seed: int
    aux: str | None = None
    tasks: Mapping[str, Task] = field(default_factory=dict)
    epochs: int = 0


class Labeler(nn.Module, ABC):
    """Generates auxiliary targets; its trainable parameters are phi.

    Attributes:
        learned: whether it has parameters that a hypergradient can train.
        everywhere: whether rows without a main label get targets as well.
        teaches: whether its targets are for the main task's own head; it then has no head of its own.
        paper: where it is from.
        classes: K, how many auxiliary classes it uses (how many numbers, where its targets are real).
    """

    learned: ClassVar[bool] = False
    everywhere: ClassVar[bool] = False
    teaches: ClassVar[bool] = False
    paper: ClassVar[Paper | None] = None
    classes: int

    @classmethod
    @abstractmethod
    def build(cls, context: LabelerContext, **options: float | int | str | bool) -> "Labeler":
        """Make the labeler from the training rows; options are the member's own, flat keyword arguments."""

    @classmethod
    def unfit(cls, main: Task) -> str | None:
        """Why it cannot label for this main task, or None where it can."""
        return None if isinstance(main, Classes) else "generated labels need a main task of classes."

    def tasks(self, loss: str = "cross_entropy") -> dict[str, Task]:
        """The tasks that its targets belong to, by name; `loss` is that of tasks of classes."""
        return {LABELS: Classes(LABELS, self.classes, loss=loss)}

    @abstractmethod
    def forward(self, batch: Batch) -> Targets:
        """The auxiliary targets: a distribution over K classes per sample, float [B, K].

        A labeler for dense tasks puts out a distribution per pixel or point, [B, K, ...]; one of real targets
        K numbers per sample; one of several tasks a mapping from each task's name to its targets. A sample
        (or pixel) that gets no label, because its main label is missing and the labeler needs it, or its
        auxiliary label is missing, is NaN.
        """

    def regulariser(self, targets: Any) -> Tensor | None:
        """A term added to the outer loss that depends on the targets directly (MAXL's entropy), or None."""
        del targets
        return None

    def penalty(self) -> Tensor | None:
        """A term added to the outer loss that depends on the parameters alone (an L1 norm), or None."""
        return None

    def end_epoch(self, network: nn.Module) -> None:
        """Called after each epoch with the primary network, for labelers that read it while it is trained."""
        del network

    def state(self) -> dict[str, torch.Tensor]:
        """What must be saved to make the same targets again."""
        return dict(self.state_dict())


CONTRACT = Labeler
