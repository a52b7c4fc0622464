"""The contract of a labeler: a map from inputs (and main labels) to the targets of one or several auxiliary tasks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from auxin.math.hierarchy import Hierarchy
from auxin.math.sparse import SparseRows
from auxin.paper import Paper
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.typing import Batch

LABELS = "labels"
"""Name of the generated task of a labeler that generates the targets of one task."""

Targets = Tensor | Mapping[str, Tensor]
"""Output of a labeler for a batch: one task's targets, or those of several tasks by name."""


def by_task(targets: Targets | None) -> dict[str, Tensor]:
    """Generated targets by the names of their tasks; an empty mapping for None.

    >>> list(by_task(torch.zeros(1, 2))), list(by_task({"labels1": torch.zeros(1, 2)})), by_task(None)
    (['labels'], ['labels1'], {})
    """
    if targets is None:
        return {}
    return {LABELS: targets} if isinstance(targets, Tensor) else dict(targets)


@dataclass(frozen=True)
class LabelerContext:
    """The information from which a labeler is built: the training rows and nothing else.

    Attributes:
        main: Name of the main task (its labels are class numbers).
        hierarchy: Hierarchy psi, the number of auxiliary classes of each primary class.
        x: Training inputs as the network receives them (normalised, not augmented), float [N, ...], or `SparseRows`.
        y: Targets of the training rows by task, -1 or NaN where missing.
        rows: Row numbers in the data set, int64 [N].
        trunk: Factory of a fresh network from inputs to features, with an attribute `width`, for labelers that
            need a network.
        seed: Seed of all random numbers of the labeler.
        aux: Name of the given auxiliary task that labelers such as `given` read, or None.
        tasks: Tasks of the targets in `y`, by name.
        epochs: Number of epochs of the training; 0 if unknown.
    """

    main: str
    hierarchy: Hierarchy
    x: Tensor | SparseRows
    y: Mapping[str, Tensor]
    rows: Tensor
    trunk: Callable[[], nn.Module]
    seed: int
    aux: str | None = None
    tasks: Mapping[str, Task] = field(default_factory=dict)
    epochs: int = 0


class Labeler(nn.Module, ABC):
    """A module that generates auxiliary targets; its trainable parameters are phi.

    Attributes:
        learned: Whether it has parameters that a hypergradient can train.
        teaches: Whether its targets train the main task's own head; it then has no head of its own.
        paper: Paper that introduced it.
        classes: Number K of auxiliary classes (or of numbers per sample, if the targets are real).
    """

    learned: ClassVar[bool] = False
    teaches: ClassVar[bool] = False
    paper: ClassVar[Paper | None] = None
    classes: int

    @classmethod
    @abstractmethod
    def build(cls, context: LabelerContext, **options: float | int | str | bool) -> "Labeler":
        """Build the labeler from the training rows.

        Args:
            context: Training rows and their tasks.
            options: The member's own options, as flat keyword arguments.
        """

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """The reason why the labeler does not support this main task, or None if it does."""
        return None if isinstance(main, Classes) else "generated labels need a main task of classes."

    def tasks(self, loss: str = "cross_entropy") -> dict[str, Task]:
        """The generated tasks by name; `loss` is the name of the loss of classification tasks."""
        return {LABELS: Classes(LABELS, self.classes, loss=loss)}

    @abstractmethod
    def forward(self, batch: Batch) -> Targets:
        """The auxiliary targets: a distribution over K classes per sample, float [B, K].

        A labeler for dense tasks returns a distribution per pixel or point, [B, K, ...]; a labeler of real targets
        returns K numbers per sample; a labeler of several tasks returns a mapping from each task's name to its
        targets. Targets are NaN for a sample (or pixel) that gets no label: its main label is missing and the
        labeler needs it, or its auxiliary label is missing.
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
        """The tensors that a checkpoint needs to reproduce the same targets."""
        return dict(self.state_dict())


CONTRACT = Labeler
