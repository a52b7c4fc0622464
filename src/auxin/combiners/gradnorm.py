"""GradNorm: weights that bring the tasks' gradient norms together, slower tasks above faster ones."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.combiners._gramian import norms
from auxin.combiners.base import GramianCombiner, Options, TaskLosses, TrainedBy, number
from auxin.paper import Paper

_SMALLEST = 1e-3


class GradNorm(GramianCombiner):
    """Weights that move after each step: w_k <- w_k - rate * sign(G_k - target_k) n_k, then scaled to their
    sum.

    Chen, Badrinarayanan, Lee, Rabinovich 2018, equation 2 and algorithm 1. n_k is the norm of task k's
    gradient, G_k = w_k n_k, target_k = mean_j(G_j) * r_k^alpha, held constant, and r_k = (m_k / m_k at the
    first step) divided by its mean over tasks: one step of gradient descent on sum_k |G_k - target_k|,
    after which the weights add up to the task count again. It begins as `equal` with weight 1.

    Departures: the gradients are those on the shared parameters that the Gramian was made of, where the paper
    takes the last shared layer alone; by default the step is divided by the mean of n_k, so that the rate
    does not depend on the losses' unit (`relative=False` is the paper's); a weight never falls below 0.001;
    a task without a label in the batch takes no part in the step.

    Args:
        count: Number of tasks, the main one included.
        alpha: Strength of the preference for slow tasks (1.5 in the paper for NYUv2); 0 gives equal target norms.
        rate: Learning rate of the weights.
        relative: Whether to divide the step by the mean gradient norm.

    >>> losses = TaskLosses(torch.ones(1, 2), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> rule = GradNorm(2, rate=0.1)
    >>> rule.after_step(losses, torch.diag(torch.tensor([1.0, 9.0])))
    >>> [round(w, 3) for w in rule.current.tolist()]
    [1.105, 0.895]
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.OWN_RULE
    paper: ClassVar[Paper | None] = Paper(
        "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks",
        "Chen, Badrinarayanan, Lee, Rabinovich",
        2018,
        "https://arxiv.org/abs/1711.02257",
        "equation 2",
    )
    published: ClassVar[Options] = {"alpha": 1.5, "rate": 0.025, "relative": False}
    tuning: ClassVar[tuple[Options, ...]] = ({"alpha": 1.5}, {"alpha": 0.8}, {"alpha": 0.3})
    current: Tensor
    first: Tensor

    def __init__(self, count: int, alpha: float = 1.5, rate: float = 0.025, relative: bool = True) -> None:
        super().__init__(count)
        self.alpha = number("alpha", alpha)
        self.rate = number("rate", rate)
        self.relative = relative
        self.register_buffer("current", torch.ones(count))
        self.register_buffer("first", torch.zeros(count))

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The current weights, [T]."""
        del gramian, means
        return self.current.clone()

    @torch.no_grad()
    def after_step(self, losses: TaskLosses, gramian: Tensor | None = None) -> None:
        """One step of the weights."""
        means, size = losses.means().to(self.current), norms(self.gramian(gramian)).to(self.current)
        active = losses.seen() & (size > 0) & (means > 0)
        self.first.copy_(torch.where(active & (self.first == 0), means, self.first))
        if self.count == 1 or active.sum() < 2:
            return
        slope = self._slope(means, size, active)
        step = self.rate / size[active].mean() if self.relative else self.rate
        moved = torch.where(active, self.current - step * slope, self.current).clamp(min=_SMALLEST)
        self.current.copy_(moved * self.count / moved.sum())

    def _slope(self, means: Tensor, size: Tensor, active: Tensor) -> Tensor:
        left = torch.where(active, means / torch.where(active, self.first, 1.0), 0.0)
        rate = left / left[active].mean()
        target = (self.current * size)[active].mean() * rate**self.alpha
        return torch.sign(self.current * size - target) * size
