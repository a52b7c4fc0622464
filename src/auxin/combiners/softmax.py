"""Softmax: auxiliary weights that share a fixed total budget, trained by the hypergradient."""

import torch
from torch import Tensor, nn

from auxin.combiners.base import LossCombiner, TaskLosses, TrainedBy, number


class Softmax(LossCombiner):
    """L = m_0 + total * sum_(k>0) softmax(phi)_k m_k.

    Auxin's own: what one auxiliary gains the others lose, so weights cannot all drift upward together,
    which free ones do. It begins as `equal` with scale total / (count - 1).

    Args:
        count: Number of tasks, the main one included.
        total: Sum of the auxiliary weights; 0 means `scale` for each of them.
        scale: Initial weight of every auxiliary task if no total is given.
        slack: Add one more entry to the softmax that stands for no task, so that the auxiliaries may give up
            some of the budget, all of it where none helps. The beginning stays the same.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0, 4.0]]), torch.ones(1, 3) > 0, ("a", "b", "c"))
    >>> Softmax(3, total=1.0)(losses).item()
    4.0
    """

    trained_by = TrainedBy.HYPERGRADIENT

    def __init__(self, count: int, total: float = 0.0, scale: float = 1.0, slack: bool = False) -> None:
        super().__init__(count)
        others = count - 1
        self.total = number("total", total) or number("scale", scale, inclusive=False) * others
        self.entries = others + int(slack)
        self.logits = nn.Parameter(torch.zeros(self.entries)) if others else None
        self.budget = self.total * self.entries / max(others, 1)

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        if self.logits is None:
            return means[0]
        weights = self.budget * torch.softmax(self.logits, 0)[: self.count - 1]
        return means[0] + (weights * means[1:]).sum()
