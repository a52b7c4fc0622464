"""Gradient cosine: an auxiliary helps in a step only as far as its gradient agrees with the main one."""

import torch
from torch import Tensor

from auxin.combiners._gramian import cosine, norms
from auxin.combiners.base import GramianCombiner, choice, number
from auxin.paper import Paper


class GradientCosine(GramianCombiner):
    """g = g_0 + tau * sum_(k>0) a_k g_k with a_k = 1[cos(g_0, g_k) > 0], or a_k = max(0, cos(g_0, g_k)).

    Du et al. 2018, algorithms 1 and 2. Where tasks are many, AuxiLearn (Navon et al. 2021,
    appendix B.1) compares two losses, the main one and the sum of the rest: `against="sum"`.

    Args:
        count: Number of tasks, the main one included.
        mode: "gated" (all or nothing) or "weighted" (by the cosine).
        against: "each" auxiliary's gradient is compared with the main one, or their "sum".
        scale: Weight tau of the auxiliary tasks.
        threshold: Cosine above which an auxiliary task's gradient is used.

    >>> gramian = torch.tensor([[1.0, 1.0, -1.0], [1.0, 4.0, 0.0], [-1.0, 0.0, 4.0]])
    >>> GradientCosine(3).weights(gramian, torch.ones(3)).tolist()
    [1.0, 1.0, 0.0]
    >>> GradientCosine(3, mode="weighted").weights(gramian, torch.ones(3)).tolist()
    [1.0, 0.5, 0.0]
    """

    paper = Paper(
        "Adapting Auxiliary Losses Using Gradient Similarity",
        "Du, Czarnecki, Jayakumar, Farajtabar, Pascanu, Lakshminarayanan",
        2018,
        "https://arxiv.org/abs/1812.02224",
    )

    def __init__(
        self,
        count: int,
        mode: str = "gated",
        against: str = "each",
        scale: float = 1.0,
        threshold: float = 0.0,
    ) -> None:
        super().__init__(count)
        self.mode = choice("mode", mode, ("gated", "weighted"))
        self.against = choice("against", against, ("each", "sum"))
        self.scale = number("scale", scale)
        self.threshold = number("threshold", threshold, above=-1.0)

    @property
    def main_row_only(self) -> bool:
        """Where the sign of the cosine decides, which is that of the inner product."""
        return self.mode == "gated" and self.threshold == 0

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The loss weights, [T]."""
        del means
        cosines = self._cosines(gramian)
        let_in = (cosines > self.threshold).to(gramian)
        share = let_in if self.mode == "gated" else let_in * cosines.clamp(min=0)
        return torch.cat([gramian.new_ones(1), self.scale * share])

    def _cosines(self, gramian: Tensor) -> Tensor:
        """The cosines with the main gradient, [T - 1]; the inner products where their sign is all that matters."""
        if self.main_row_only:
            products = gramian[0, 1:]
            return products if self.against == "each" else products.sum().expand(self.count - 1)
        size = norms(gramian)
        if self.against == "each":
            return cosine(gramian[0, 1:], size[0], size[1:])
        together = gramian[1:, 1:].sum().clamp(min=0).sqrt()
        return cosine(gramian[0, 1:].sum(), size[0], together).expand(self.count - 1)
