"""DB-MTL: logarithms of the losses, and every gradient brought to the length of the longest."""

import torch
from torch import Tensor

from auxin.combiners.base import GramianCombiner, number
from auxin.paper import Paper

_EPS = 1e-8


class DBMTL(GramianCombiner):
    """g = scale * max_j |u_j| * sum_k u_k / |u_k|, where u_k = grad log m_k = g_k / m_k.

    Dual balancing (Lin et al. 2023): the logarithm balances the losses, the common length max_j |u_j| the gradients. As
    loss weights, w_k = scale * max_j (|g_j| / m_j) / |g_k|: every task pulls at the shared parameters equally hard. All
    tasks are treated alike, the main one too. A task whose gradient is zero, or without a label, has weight 0.

    Departures: the paper averages each u_k over the steps with a forgetting rate; here it is that of this batch (its
    beta = 0), because an average of gradients is no weighting of the batch's losses. Weights act on a task's
    head as well, whose gradient is there that of the logarithm alone.

    Args:
        count: Number of tasks, the main one included.
        scale: Factor on all weights.

    >>> gramian = torch.tensor([[4.0, 0.0], [0.0, 1.0]])
    >>> DBMTL(2).weights(gramian, torch.tensor([1.0, 0.25])).tolist()         # |u| = 2 and 4
    [2.0, 4.0]
    """

    paper = Paper(
        "Dual-Balancing for Multi-Task Learning",
        "Lin, Jiang, Ye, Zhang, Chen, Chen, Liu, Kwok",
        2023,
        "https://arxiv.org/abs/2308.12029",
        "algorithm 1",
    )

    def __init__(self, count: int, scale: float = 1.0) -> None:
        super().__init__(count)
        self.scale = number("scale", scale)

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The loss weights, [T]."""
        if self.count == 1:
            return gramian.new_ones(1)
        lengths = gramian.diagonal().clamp(min=0).sqrt()
        longest = (lengths / (means.to(lengths) + _EPS)).max()
        moves = lengths > 0
        return self.scale * torch.where(moves, longest / torch.where(moves, lengths, 1.0), 0.0)
