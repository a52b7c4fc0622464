"""Auto-Lambda: unconstrained weights of all tasks, the main one too, trained by the hypergradient."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, number
from auxin.paper import Paper


class AutoLambda(LossCombiner):
    """L = sum_k lambda_k m_k; lambda moves down the main task's loss after one look-ahead step.

    Liu, James, Davison, Johns 2022. Their hypergradient is that of a one-step look-ahead,
    estimated by finite differences; any estimator of auxin's serves. The weights may become negative, as in
    the paper. They begin at 0.1 each, so the whole loss begins at a tenth of equal weighting's: with plain
    SGD as the main optimiser that is a tenth of the learning rate, with Adam it is nothing. They move at the rate of
    `initial`: a step as large as the weights themselves would turn a task's loss around, and a loss that is made
    to rise has no end.

    Args:
        count: Number of tasks, the main one included.
        initial: Initial weight of every task.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0]]), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> round(AutoLambda(2)(losses).item(), 4)
    0.3
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    paper: ClassVar[Paper | None] = Paper(
        "Auto-Lambda: Disentangling Dynamic Task Relationships",
        "Liu, James, Davison, Johns",
        2022,
        "https://arxiv.org/abs/2202.03091",
    )
    published: ClassVar[Options] = {"initial": 0.1}
    tuning: ClassVar[tuple[Options, ...]] = ({"initial": 0.1}, {"initial": 0.3}, {"initial": 1.0})

    def __init__(self, count: int, initial: float = 0.1) -> None:
        super().__init__(count)
        start = torch.full((count,), number("initial", initial, inclusive=False))
        self.weights = nn.Parameter(start) if count > 1 else None
        self.layer_rates = {"weights": float(initial)}

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        return means[0] if self.weights is None else (self.weights * means).sum()
