"""Linear: one learned weight per auxiliary, kept positive, trained by the hypergradient."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.combiners._weights import ConstrainedWeights, project_all
from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, choice, number
from auxin.paper import AUXILEARN, Paper

_FORMS = ("positive", "clipped", "free", "convex")


class Linear(LossCombiner):
    """L = m_0 + sum_(k>0) w_k m_k, w >= 0: equation 1 of Navon et al. 2021 with g(l) = sum_j phi_j l_j
    (section 3.2).

    It begins as `equal` with the same scale. Learned weights without a budget drift upward, useless tasks'
    weights included; `softmax` and the convex form do not.

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        form: "positive" (w = softplus(raw); `raw` keeps moving where the weight is nearly zero), "clipped"
            (negative weights become zero after each meta step, the paper's), "free" (either sign), or
            "convex" (section 5, variant 1: all weights, the main task's too, are a softmax that adds up to
            1 + scale * (count - 1)).
        main: "fixed" (the main task weighs 1: equation 1 with the skip connection) or "learned" (its weight
            is learned like the others and begins at 1, as in the authors' code for NYUv2); the convex form
            learns it.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0]]), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> Linear(2, scale=0.5)(losses).item()
    2.0
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    paper: ClassVar[Paper | None] = AUXILEARN
    published: ClassVar[Options] = {"form": "clipped", "main": "learned", "scale": 1.0}

    def __init__(self, count: int, scale: float = 1.0, form: str = "positive", main: str = "fixed") -> None:
        super().__init__(count)
        number("scale", scale, inclusive=form in ("clipped", "free"))
        self.form = choice("form", form, _FORMS)
        self.fixed = choice("main", main, ("fixed", "learned")) == "fixed" and form != "convex"
        initial = torch.tensor([1.0] + [float(scale)] * (count - 1))
        self.total = float(initial.sum())
        self.learned: nn.Module | None = None
        if count > 1:
            raw = torch.log(initial / self.total) if form == "convex" else initial[int(self.fixed) :]
            self.learned = ConstrainedWeights(raw, "free" if form == "convex" else form)

    def weights(self) -> Tensor:
        """All tasks' weights, [T], differentiable in phi."""
        if self.learned is None:
            return torch.ones(1)
        raw = self.learned()
        if self.form == "convex":
            return self.total * torch.softmax(raw, 0)
        return torch.cat([raw.new_ones(1), raw]) if self.fixed else raw

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        return (self.weights().to(means.device) * means).sum()

    def after_meta_step(self) -> None:
        """Clip negative weights, where the form is clipped."""
        project_all(self)
