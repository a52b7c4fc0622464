"""FAMO: weights from how fast each task's loss falls, without any task's gradient."""

import torch
from torch import Tensor

from auxin.combiners.base import LossCombiner, TaskLosses, TrainedBy, number
from auxin.paper import Paper

_EPS = 1e-8
_BETAS = (0.9, 0.999)


class FAMO(LossCombiner):
    """L = sum_k w_k m_k with w_k = T c z_k / m_k, z = softmax(xi), c = 1 / sum_k (z_k / m_k), all held constant.

    Liu, Feng, Stone, Liu 2023, algorithm 1: the direction is that of sum_k z_k log m_k, scaled so that the
    weights add up to the task count T (to 1 in the paper). After each step of the network the losses of the
    same batch are computed again and

        xi <- xi - rate * Adam(J^T (log m(before) - log m(after)) + decay * xi),   J the derivative of the softmax,

    so a task whose loss falls more slowly than the others' gains weight. No gradient of a single task is
    needed: by design a step costs one extra forward pass, however many tasks there are, so hundreds of
    attributes are affordable. All tasks are treated alike, the main one too.

    Departures: a task without a label in the batch has weight 0 and its xi does not change; the losses' lower
    bound is 0.

    Args:
        count: Number of tasks, the main one included.
        rate: Step size of xi (0.025 in the authors' code).
        decay: Weight decay of xi, gamma in the paper (the authors use 0.001 to 0.01).

    >>> famo = FAMO(2)
    >>> losses = TaskLosses(torch.tensor([[1.0, 4.0]]), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> [round(w, 2) for w in famo.task_weights(losses).tolist()]
    [1.6, 0.4]
    >>> famo.after_update(losses, TaskLosses(torch.tensor([[0.5, 4.0]]), losses.present, losses.names))
    >>> bool(famo.logits[0] < famo.logits[1])
    True
    """

    trained_by = TrainedBy.OWN_RULE
    looks_again = True
    paper = Paper(
        "FAMO: Fast Adaptive Multitask Optimization",
        "Liu, Feng, Stone, Liu",
        2023,
        "https://arxiv.org/abs/2306.03792",
        "algorithm 1",
    )
    tuning = ({"rate": 0.025}, {"rate": 0.1}, {"rate": 0.005})
    logits: Tensor
    moments: Tensor
    steps: Tensor

    def __init__(self, count: int, rate: float = 0.025, decay: float = 0.001) -> None:
        super().__init__(count)
        self.rate = number("rate", rate)
        self.decay = number("decay", decay)
        self.register_buffer("logits", torch.zeros(count))
        self.register_buffer("moments", torch.zeros(2, count))
        self.register_buffer("steps", torch.tensor(0))

    def weights(self, losses: TaskLosses) -> Tensor:
        """The tasks' weights in this batch, [T], constant."""
        means, seen = losses.means().detach(), losses.seen()
        share = torch.softmax(self.logits.to(means), 0)
        raw = torch.where(seen, share / (means + _EPS), 0.0)
        return seen.sum() * raw / raw.sum().clamp(min=_EPS)

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        return (self.weights(self.check(losses)) * losses.means()).sum()

    @torch.no_grad()
    def after_update(self, before: TaskLosses, after: TaskLosses) -> None:
        """Move the weights by how much each loss fell on the same batch."""
        both = before.seen() & after.seen()
        fell = torch.log(before.means() + _EPS) - torch.log(after.means() + _EPS)
        fell = torch.where(both, fell, 0.0).to(self.logits)
        share = torch.softmax(self.logits, 0) * both
        share = share / share.sum().clamp(min=_EPS)
        slope = share * (fell - (share * fell).sum()) + self.decay * self.logits
        self.steps += 1
        for moment, beta, value in zip(self.moments, _BETAS, (slope, slope**2), strict=True):
            moment.lerp_(torch.where(both, value, moment), 1 - beta)
        first, second = (m / (1 - b ** int(self.steps)) for m, b in zip(self.moments, _BETAS, strict=True))
        self.logits -= torch.where(both, self.rate * first / (second.sqrt() + _EPS), 0.0)
