"""Conjugate gradient on damped Gauss-Newton products: no double backward, and never negative curvature."""

from dataclasses import dataclass

from auxin.paper import Paper
from auxin.solvers._krylov import conjugate_gradient
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector


@dataclass
class GaussNewton(Solver):
    """(J^T Q J + damping I) p = v by conjugate gradient.

    Schraudolph 2002; Martens 2010. J is the Jacobian of the primary network's outputs and Q >= 0 the
    curvature of the training loss in them, so a product is one forward-mode pass and one backward pass.

    Args:
        steps: Largest number of products.
        tolerance: Relative residual at which the solver stops.
        damping: Added to the diagonal; the matrix has at most (batch x outputs) nonzero eigenvalues, so some
            is needed.

    >>> import torch
    >>> GaussNewton(damping=1.0).solve(lambda x: [x[0]], [torch.ones(2)]).vector
    [tensor([0.5000, 0.5000])]
    """

    curvature = "gauss_newton"
    paper = Paper(
        "Fast Curvature Matrix-Vector Products for Second-Order Gradient Descent",
        "Schraudolph",
        2002,
        "https://doi.org/10.1162/08997660260028683",
    )
    steps: int = 10
    tolerance: float = 1e-12
    damping: float = 1e-2

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Run the recursion; the residual is its own, without a further product."""
        return conjugate_gradient(product, vector, self.steps, self.tolerance, self.damping)
