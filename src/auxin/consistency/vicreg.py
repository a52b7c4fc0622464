"""VICReg: embeddings of two views agree, vary over rows and do not repeat one another (Bardes, Ponce, LeCun 2022)."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.consistency.base import Consistency, ViewAgreement, masked_mean
from auxin.errors import ConfigError
from auxin.paper import Paper
from auxin.tasks.base import Task

SMALL = 1e-4
"""Added to a variance before its root, as in the paper's equation 2."""


class Embeddings(ViewAgreement):
    """The loss of VICReg on a head of its own.

    Args:
        name: Name of the task.
        width: Size D of an embedding.
        variance: Weight of the variance term, relative to that of the invariance term.
        covariance: Weight of the covariance term, relative to that of the invariance term.
    """

    def __init__(self, name: str, width: int, variance: float, covariance: float) -> None:
        super().__init__(name, width)
        self.variance, self.covariance = variance, covariance

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each row, [B]: its own distance, and the terms of the whole batch in equal shares."""
        present = self.present(target)
        weights = present.to(output.dtype)
        strong, weak = output, output[target.clamp(min=0)]
        distance = (strong - weak).square().mean(1)
        spread = sum(self._spread(z, weights) for z in (strong, weak))
        return torch.where(present, distance + spread, 0.0)

    def _spread(self, z: Tensor, weights: Tensor) -> Tensor:
        """The variance and covariance terms of one view, a scalar."""
        count = weights.sum()
        centred = (z - masked_mean(z, weights)) * weights.unsqueeze(1)
        cov = centred.T @ centred / (count - 1).clamp(min=1)
        own = cov.diagonal()
        hinge = (1 - (own + SMALL).sqrt()).clamp(min=0).mean()
        off = (cov.square().sum() - own.square().sum()) / len(own)
        return self.variance * hinge + self.covariance * off


class VICReg(Consistency):
    """Variance, invariance and covariance of the embeddings that a head of its own puts out.

    Bardes, Ponce, LeCun 2022, equations 1 to 6: with embeddings Z, Z' of the two views of n rows, of d numbers each,

        l = lambda s(Z, Z') + mu (v(Z) + v(Z')) + nu (c(Z) + c(Z')) s = (1/n) sum_i |z_i - z'_i|^2,   v = (1/d)
        sum_j max(0, 1 - sqrt(Var(z_j) + 1e-4)),   c = (1/d) sum_(i != j) Cov_ij^2

    The paper has lambda = mu = 25 and nu = 1; here all are divided by 25, since the combiner sets the term's
    weight, and s is divided by d as the authors' code divides it. Departures: one of the views is the weak one, and
    the head is linear or of two layers (`build_network`) rather than an expander of three layers of 8,192 units.

    Args:
        width: Size d of an embedding.
        variance: Weight mu / lambda of the variance term.
        covariance: Weight nu / lambda of the covariance term.

    Raises:
        ConfigError: A negative weight, or fewer than 2 numbers.

    >>> output = torch.tensor([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    >>> VICReg(2).task.loss(torch.cat([output, output]), torch.tensor([-1] * 4 + [0, 1, 2, 3]))[4:].tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    own_head: ClassVar[bool] = True
    paper: ClassVar[Paper | None] = Paper(
        "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning",
        "Bardes, Ponce, LeCun",
        2022,
        "https://arxiv.org/abs/2105.04906",
        "equations 1 to 6",
    )

    def __init__(self, width: int = 64, variance: float = 1.0, covariance: float = 0.04) -> None:
        super().__init__()
        if width < 2 or variance < 0 or covariance < 0:
            raise ConfigError(
                "VICReg's options are out of range",
                expected="a width of at least 2 and weights of at least 0",
                found=f"width={width}, variance={variance}, covariance={covariance}",
            )
        self.task = Embeddings("vicreg", int(width), float(variance), float(covariance))

    @classmethod
    def build(
        cls, main: Task, *, width: int = 64, variance: float = 1.0, covariance: float = 0.04
    ) -> "VICReg":
        """VICReg beside any main task."""
        del main
        return cls(width, variance, covariance)
