"""AuxiLearn with real targets: a network gives every row a vector that the main network has to predict."""

from dataclasses import replace

import torch
from torch import Tensor

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.labelers._checks import check_finite
from auxin.labelers._generator import fresh_trunk, make_head, without_running_statistics
from auxin.labelers._seeding import seeded
from auxin.labelers.base import LABELS, Labeler, LabelerContext
from auxin.math.tree import full_precision
from auxin.paper import AUXILEARN
from auxin.tasks.base import Task
from auxin.tasks.vector import Vector
from auxin.typing import Batch


class AuxiLearnVector(Labeler):
    """Generates an auxiliary regression: y_aux = bound(g(x; phi)), D numbers per row.

    Navon et al. 2021, section 3.3, describe the auxiliary network g(x; phi) for any kind of targets and use
    classes; this is the real-valued case, learned by the same hypergradient. It needs no main label, so it
    labels every row, and it goes with a main task of any kind. Bounded targets cannot buy a large gradient
    with their size alone. Norm layers use the statistics of the batch, so a row's target depends, through
    those, on the rows beside it.

    Args:
        trunk: Network from inputs to features.
        head: Network from features to D numbers.
        size: Number D of auxiliary values per row.
        bound: Bound of the values: "tanh" (between -1 and 1) or "none".

    Raises:
        ConfigError: An option that is not usable.
        RunError: In the forward, where a number is not finite.

    >>> from torch import nn
    >>> from auxin.math.hierarchy import Hierarchy
    >>> def trunk():
    ...     network = nn.Linear(4, 8)
    ...     network.width = 8
    ...     return network
    >>> x, rows = torch.randn(3, 4), torch.arange(3)
    >>> context = LabelerContext("price", Hierarchy((1,)), x, {}, rows, trunk, seed=0)
    >>> AuxiLearnVector.build(context, size=5)(Batch(x, {}, rows)).shape
    torch.Size([3, 5])
    """

    learned = True
    paper = replace(AUXILEARN, place="section 3.3")

    def __init__(self, trunk: torch.nn.Module, head: torch.nn.Module, size: int, bound: str = "tanh") -> None:
        super().__init__()
        check_choice("bound", bound, ["tanh", "none"])
        self.trunk, self.head = without_running_statistics(trunk), head
        self.classes, self.bound = size, bound

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """Any main task that is not dense will do."""
        return "it labels whole rows, so the main task must not be dense." if main.dense else None

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, context: LabelerContext, *, size: int = 8, bound: str = "tanh", init: str = "default"
    ) -> "AuxiLearnVector":
        """A fresh network: a trunk of the context's kind, and a head as the trunk asks for.

        Args:
            context: The trunk and the seed; the hierarchy is not used.
            size: Number D of auxiliary values per row.
            bound: "tanh" or "none".
            init: "default" (PyTorch's) or "xavier", both drawn by the labeler's own seed, or "trunk".
        """
        if size < 1:
            raise ConfigError("The targets' size is not usable", expected="at least 1", found=str(size))
        trunk = fresh_trunk(context, "auxilearn_vector", init)
        head = seeded(lambda: make_head(trunk, size), context.seed, "auxilearn_vector/head")
        return cls(trunk, head, size, bound)

    def tasks(self, loss: str = "cross_entropy") -> dict[str, Task]:
        """One task of D numbers."""
        del loss
        return {LABELS: Vector(LABELS, self.classes)}

    def forward(self, batch: Batch) -> Tensor:
        """The targets, [B, D]."""
        x = batch.x if len(batch) > 1 else batch.x.repeat_interleave(2, dim=0)  # batch norm refuses one row
        found = full_precision(self.head(self.trunk(x)))[: len(batch)]
        check_finite(found)
        return found.tanh() if self.bound == "tanh" else found
