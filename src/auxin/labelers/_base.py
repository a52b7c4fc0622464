"""The contract of a labeler: inputs (and main labels) to auxiliary targets."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.math.hierarchy import Hierarchy
from auxin.paper import Paper
from auxin.typing import Batch


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
    """

    main: str
    hierarchy: Hierarchy
    x: Tensor
    y: Mapping[str, Tensor]
    rows: Tensor
    trunk: Callable[[], nn.Module]
    seed: int
    aux: str | None = None


class Labeler(nn.Module, ABC):
    """Generates auxiliary targets; its trainable parameters are phi.

    Attributes:
        learned: whether it has parameters that a hypergradient can train.
        paper: where it is from.
        classes: K, how many auxiliary classes it uses.
    """

    learned: ClassVar[bool] = False
    paper: ClassVar[Paper | None] = None
    classes: int

    @classmethod
    @abstractmethod
    def build(cls, context: LabelerContext, **options: float | int | str | bool) -> "Labeler":
        """Make the labeler from the training rows; options are the member's own, flat keyword arguments."""

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """The auxiliary targets: a distribution over K classes per sample, float [B, K].

        A sample that gets no label (its main label is missing and the labeler needs it, or its auxiliary
        label is missing) is a row of NaN.
        """

    def regulariser(self, targets: Tensor) -> Tensor | None:
        """A term added to the outer loss that depends on the targets directly (MAXL's entropy), or None."""
        del targets
        return None

    def penalty(self) -> Tensor | None:
        """A term added to the outer loss that depends on the parameters alone (an L1 norm), or None."""
        return None

    def state(self) -> dict[str, torch.Tensor]:
        """What must be saved to make the same targets again."""
        return dict(self.state_dict())


CONTRACT = Labeler
