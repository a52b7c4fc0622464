"""Conjugate gradient on the (damped) Hessian: exact in few products where it is positive definite."""

from dataclasses import dataclass

from auxin.paper import Paper
from auxin.solvers._krylov import conjugate_gradient
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector


@dataclass
class ConjugateGradient(Solver):
    """(H + damping I) p = v by conjugate gradient, from p = 0.

    Pedregosa 2016; Rajeswaran et al. 2019 (implicit MAML). Exact after as many steps as H has distinct
    eigenvalues, but for rounding. The last iterate is kept, a zero right-hand side costs nothing, and where
    the curvature along a direction is not positive the iterate so far is returned (at the very first step v
    |v| / |H v|) and a note says so.

    Args:
        steps: Largest number of products.
        tolerance: Relative residual at which the solver stops.
        damping: Number added to the diagonal of H.

    >>> import torch
    >>> ConjugateGradient().solve(lambda x: [2.0 * x[0]], [torch.ones(2)]).vector
    [tensor([0.5000, 0.5000])]
    """

    paper = Paper(
        "Hyperparameter Optimization with Approximate Gradient",
        "Pedregosa",
        2016,
        "https://arxiv.org/abs/1602.02355",
    )
    steps: int = 10
    tolerance: float = 1e-12
    damping: float = 0.0

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Run the recursion; the residual is its own, without a further product."""
        return conjugate_gradient(product, vector, self.steps, self.tolerance, self.damping)
