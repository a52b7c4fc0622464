"""Uncertainty: each task weighed by its homoscedastic noise, trained by the training loss."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, number
from auxin.paper import Paper


class Uncertainty(LossCombiner):
    """L = sum_k exp(-s_k) m_k + s_k / 2 with s_k = log sigma_k^2, learned together with the primary network.

    Kendall, Gal, Cipolla 2018, equation 10 in its form for cross-entropy; a regression loss there carries one
    half more, which is the half of half a squared error. At the best s_k the weight exp(-s_k) is 1 / (2
    m_k). It begins as `equal` with weight 1. A task without a label in the batch adds nothing, not even s_k
    / 2, else its weight would grow for as long as it is absent. With one task the loss is the main loss.

    Departure: no weight rises above `limit`. A main task of few rows is soon memorised, and 1 / (2 m_k) has no
    bound as m_k goes to zero: with weights of a million the next batch threw training into losses of 1e5 and more.

    Its parameters belong in the main optimiser (`trained_with_main`), best without weight decay.

    Args:
        count: Number of tasks, the main one included.
        initial: Initial value of s_k, for the main task as well.
        limit: Largest weight allowed; 0 for no limit, as in the paper.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0]]), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> Uncertainty(2)(losses).item()
    3.0
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.TRAINING_LOSS
    paper: ClassVar[Paper | None] = Paper(
        "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics",
        "Kendall, Gal, Cipolla",
        2018,
        "https://arxiv.org/abs/1705.07115",
        "equation 10",
    )
    published: ClassVar[Options] = {"initial": 0.0, "limit": 0.0}
    tuning: ClassVar[tuple[Options, ...]] = ({"initial": 0.0}, {"initial": 1.0}, {"initial": -1.0})

    def __init__(self, count: int, initial: float = 0.0, limit: float = 10.0) -> None:
        super().__init__(count)
        self.least = -math.log(limit) if number("limit", limit) else -math.inf
        start = torch.full((count,), number("initial", initial, above=-20.0))
        self.log_variance = nn.Parameter(start) if count > 1 else None

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        if self.log_variance is None:
            return means[0]
        s = self.log_variance
        return ((torch.exp(-s) * means + s / 2) * losses.seen()).sum()

    @torch.no_grad()
    def after_step(self, losses: TaskLosses, gramian: Tensor | None = None) -> None:
        """Take a weight above the limit back to it."""
        del losses, gramian
        if self.log_variance is not None:
            self.log_variance.clamp_(min=self.least)
