"""Deep linear: a monotone network of losses without activations, trained by the hypergradient."""

from typing import ClassVar

from torch import Tensor

from auxin.combiners._base import LossCombiner, Options, TaskLosses, TrainedBy, choice
from auxin.combiners._network import LossNetwork, identity, with_skip
from auxin.combiners._weights import project_all
from auxin.paper import AUXILEARN, Paper


class DeepLinear(LossCombiner):
    """As expressive as `linear`, easier to train: L = m_0 + (W_n ... W_1) m, all W >= 0.

    Navon et al. 2021, section 5, variant 2 (five layers of ten units in their appendix B.1). It begins as
    `equal` with the same scale.

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        width: Number of units per hidden layer.
        depth: Number of hidden layers.
        constraint: "clipped" (the paper's: negative weights become zero after each meta step) or "positive"
            (every weight a softplus; the main task's weight then begins at 1 and a little).
        init: "even" (near `equal`), or "uniform": the authors', weights from U(0, `upper`) and biases of zero, `scale`
            then being their factor on every auxiliary loss.
        upper: Upper end of that distribution.

    >>> import torch
    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0, 3.0]]), torch.ones(1, 3) > 0, ("a", "b", "c"))
    >>> round(DeepLinear(3, scale=0.1)(losses).item(), 4)
    1.5
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    paper: ClassVar[Paper | None] = AUXILEARN
    published: ClassVar[Options] = {"init": "uniform", "upper": 0.2, "scale": 0.1, "width": 10, "depth": 5}

    def __init__(
        self,
        count: int,
        scale: float = 1.0,
        width: int = 10,
        depth: int = 2,
        constraint: str = "clipped",
        init: str = "even",
        upper: float = 1.0,
    ) -> None:
        super().__init__(count)
        choice("constraint", constraint, ("clipped", "positive"))
        parts = (width, depth, constraint, identity, scale, init, upper)
        self.network = LossNetwork(count, *parts) if count > 1 else None

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        return with_skip(self.network, self.check(losses))

    def after_meta_step(self) -> None:
        """Clip negative weights."""
        project_all(self)
