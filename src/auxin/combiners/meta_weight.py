"""Meta-Weight-Net: a small network, trained by the hypergradient, from a sample's losses to its weight."""

import torch
from torch import Tensor, nn

from auxin.combiners.base import LossCombiner, TaskLosses, TrainedBy, number
from auxin.paper import Paper


class MetaWeight(LossCombiner):
    """L = sum_k s_k (sum_b v_b l_bk) / (sum_b v_b) over the labelled samples, s = (1, scale, ...), v_b = V(l_b; phi).

    Shu et al. 2019, equations 1 and 3: V is a network with one hidden layer, ReLU and a sigmoid, from a sample's losses
    (one in the paper, the main task's) to its weight in (0, 1); phi is trained so that a step on the weighted loss
    lowers L_A. With wrong labels among the training rows and clean ones in the meta batch, V learns to leave out
    samples of large loss; with rare classes it learns the opposite. It therefore needs a held-out, clean meta batch
    (`--auxiliary`): on the training batch itself the wrong labels would be fitted.

    The losses enter V as constants, as in the authors' code, which also divides by the weights' sum as here. V begins
    as a constant, so the combiner begins as `equal`; with one task it weighs the main task's samples.

    Args:
        count: Number of tasks, the main one included.
        width: Number of hidden units (100 in the paper).
        scale: Weight of every auxiliary task.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.ones(2, 2) > 0, ("breed", "species"))
    >>> MetaWeight(2, scale=0.5)(losses).item()
    2.5
    """

    trained_by = TrainedBy.HYPERGRADIENT
    paper = Paper(
        "Meta-Weight-Net: Learning an Explicit Mapping For Sample Weighting",
        "Shu, Xie, Yi, Zhao, Zhou, Xu, Meng",
        2019,
        "https://arxiv.org/abs/1902.07379",
        "equation 3",
    )
    tuning = ({"scale": 1.0}, {"scale": 0.3}, {"scale": 3.0})

    def __init__(self, count: int, width: int = 100, scale: float = 1.0) -> None:
        super().__init__(count)
        self.scale = number("scale", scale)
        width = int(number("width", width, above=1))
        hidden, last = nn.Linear(count, width), nn.Linear(width, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.hidden, self.last = hidden, last
        self.layer_rates = {
            name: 1 / width for name, _ in self.named_parameters()
        }  # all units move the output together

    def sample_weights(self, losses: TaskLosses) -> Tensor:
        """V of every sample, [B], differentiable in phi alone."""
        filled = losses.per_sample().filled().detach()
        return torch.sigmoid(self.last(self.hidden(filled.to(self.last.weight)).relu())).squeeze(1)

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        rows = self.check(losses).per_sample()
        share = self.sample_weights(losses).to(rows.values)[:, None] * rows.present
        means = (share * rows.values).sum(0) / share.sum(0).clamp(min=torch.finfo(share.dtype).tiny)
        return means[0] + self.scale * means[1:].sum()
