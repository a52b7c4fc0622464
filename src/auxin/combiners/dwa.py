"""DWA: dynamic weight average, more weight for the losses that fall more slowly from epoch to epoch."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, number
from auxin.paper import Paper


class DWA(LossCombiner):
    """L = sum_k w_k m_k, w = K softmax(r / T), r_k = L_k(t-1) / L_k(t-2), L_k(t) the mean loss of epoch t.

    Liu, Johns, Davison 2019, equation 7: K tasks, the main one among them and weighed like the others; all
    weights are 1 in the first two epochs. Where a task has no loss in one of the two epochs, its r_k is 1.

    Args:
        count: Number of tasks, the main one included.
        temperature: Temperature T (2 in the paper); a large value approaches equal weights.

    >>> dwa = DWA(2)
    >>> dwa.end_epoch(torch.tensor([1.0, 1.0])); dwa.end_epoch(torch.tensor([0.5, 1.0]))
    >>> losses = TaskLosses(torch.tensor([[1.0, 1.0]]), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> [round(w, 3) for w in dwa.task_weights(losses).tolist()]
    [0.876, 1.124]
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.OWN_RULE
    paper: ClassVar[Paper | None] = Paper(
        "End-to-End Multi-Task Learning with Attention",
        "Liu, Johns, Davison",
        2019,
        "https://arxiv.org/abs/1803.10704",
        "equation 7",
    )
    published: ClassVar[Options] = {"temperature": 2.0}
    tuning: ClassVar[tuple[Options, ...]] = ({"temperature": 2.0}, {"temperature": 0.5}, {"temperature": 5.0})
    history: Tensor

    def __init__(self, count: int, temperature: float = 2.0) -> None:
        super().__init__(count)
        self.temperature = number("temperature", temperature, inclusive=False)
        self.register_buffer("history", torch.zeros(2, count))

    def weights(self) -> Tensor:
        """The tasks' weights in this epoch, [T]."""
        before, last = self.history
        usable = torch.isfinite(last) & torch.isfinite(before) & (last > 0) & (before > 0)
        ratio = torch.where(usable, last / torch.where(usable, before, 1.0), 1.0)
        return self.count * torch.softmax(ratio / self.temperature, 0)

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        return (self.weights() * means).sum()

    @torch.no_grad()
    def end_epoch(self, means: Tensor) -> None:
        """Keep this epoch's mean losses, [T], and the last one's."""
        self.history.copy_(torch.stack([self.history[1], means.to(self.history)]))
