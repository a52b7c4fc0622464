"""H^-1 taken as alpha times the identity (T1-T2): the cheapest implicit estimate, no product at all."""

from dataclasses import dataclass

from auxin.math.params import scale
from auxin.math.vectors import check_finite
from auxin.paper import Paper
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector


@dataclass
class Identity(Solver):
    """p = alpha v.

    Luketina, Berglund, Greff, Raiko 2016 (T1-T2), who drop the Hessian. It is also the Neumann series' first
    term, and one-step look-ahead with SGD where v is taken at W instead of W+.

    Args:
        alpha: Step size; the training step size makes the estimate comparable with one-step look-ahead.

    >>> import torch
    >>> Identity(alpha=0.5).solve(lambda x: x, [torch.tensor([2.0])]).vector
    [tensor([1.])]
    """

    paper = Paper(
        "Scalable Gradient-Based Tuning of Continuous Regularization Hyperparameters",
        "Luketina, Berglund, Greff, Raiko",
        2016,
        "https://arxiv.org/abs/1511.06727",
    )
    alpha: float = 1.0

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """alpha v; the product is not used."""
        del product
        check_finite(vector)
        return Solution(scale(self.alpha, vector), products=0, unit=self.alpha)
