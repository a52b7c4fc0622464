"""Nonlinear: the unconstrained twin of `monotone`; it can reverse an auxiliary's gradient."""

from auxin.combiners._network import NetworkCombiner


class Nonlinear(NetworkCombiner):
    """L = m_0 + mean_b [ g(l_b; phi) - g(0; phi) ], g a Softplus network with weights of either sign.

    Navon et al. 2021, appendix C.2, table 4 ("Non-Monotonic", "harder to stabilize"). It begins exactly as
    `monotone` does; only the constraint is absent.

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        width: Number of units per hidden layer.
        depth: Number of hidden layers.
        init: "even" (near `equal`), or "uniform": the authors', see `monotone`.
        upper: Upper end of that distribution.

    >>> import torch
    >>> from auxin.combiners.base import TaskLosses
    >>> losses = TaskLosses(torch.ones(4, 2), torch.ones(4, 2) > 0, ("a", "b"))
    >>> [round(w, 4) for w in Nonlinear(2, scale=0.5).task_weights(losses).tolist()]
    [1.0, 0.5]
    """

    constraints = ("free",)

    def __init__(
        self,
        count: int,
        scale: float = 1.0,
        width: int = 10,
        depth: int = 2,
        init: str = "even",
        upper: float = 1.0,
    ) -> None:
        super().__init__(count, scale, width, depth, "free", init, upper)
