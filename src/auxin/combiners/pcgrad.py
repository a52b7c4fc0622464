"""PCGrad, main only: the part of an auxiliary's gradient that opposes the main one is removed."""

import torch
from torch import Tensor

from auxin.combiners.base import GramianCombiner, number
from auxin.paper import Paper


class PCGrad(GramianCombiner):
    """g = g_0 + tau * sum_(k>0) (g_k - min(0, <g_k, g_0>) / |g_0|^2 g_0).

    Gradient surgery (Yu et al. 2020, algorithm 1) with the main task's gradient the only one that is
    projected onto, so the main loss falls, to first order, at least as fast as alone; the symmetric form is
    `torchjd:PCGrad`. As loss weights: w_k = tau for the auxiliaries, and for the main task
    w_0 = 1 - tau * sum_k min(0, <g_k, g_0>) / |g_0|^2; on the main task's own head w_0 is a longer step,
    where the paper leaves heads alone.

    Args:
        count: Number of tasks, the main one included.
        scale: Weight tau of the auxiliary tasks.

    >>> gramian = torch.tensor([[1.0, 0.5, -2.0], [0.5, 4.0, 0.0], [-2.0, 0.0, 4.0]])
    >>> PCGrad(3).weights(gramian, torch.ones(3)).tolist()
    [3.0, 1.0, 1.0]
    """

    paper = Paper(
        "Gradient Surgery for Multi-Task Learning",
        "Yu, Kumar, Gupta, Levine, Hausman, Finn",
        2020,
        "https://arxiv.org/abs/2001.06782",
        "algorithm 1",
    )

    def __init__(self, count: int, scale: float = 1.0) -> None:
        super().__init__(count)
        self.scale = number("scale", scale)

    @property
    def main_row_only(self) -> bool:
        """Always: the part of each gradient that opposes the main one is needed."""
        return True

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The loss weights, [T]."""
        del means
        square = gramian[0, 0]
        conflict = gramian[0, 1:].clamp(max=0).sum()
        removed = torch.where(square > 0, conflict / torch.where(square > 0, square, 1.0), 0.0)
        main = 1 - self.scale * removed
        return torch.cat([main.view(1), gramian.new_full((self.count - 1,), self.scale)])
