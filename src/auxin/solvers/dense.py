"""The oracle: H written out column by column and solved directly; for small networks and for tests."""

from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.errors import ConfigError, RunError
from auxin.math.vectors import check_finite, flatten, unflatten
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector


@dataclass
class DenseSolver(Solver):
    """(H + damping I) p = v by LU factorisation of the whole matrix.

    Args:
        damping: Number added to the diagonal of H.
        limit: Largest number n of parameters allowed (the cost is n products and n^2 memory).

    Raises:
        ConfigError: There are more than `limit` parameters.
        RunError: The damped matrix is singular.

    >>> import torch
    >>> DenseSolver().solve(lambda x: [2.0 * x[0]], [torch.ones(2)]).vector
    [tensor([0.5000, 0.5000])]
    """

    damping: float = 0.0
    limit: int = 5000

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Write H out and solve; the residual is measured."""
        length = check_finite(vector)
        flat = flatten(vector)
        self._check_size(flat.numel())
        matrix = materialise(product, vector) + self.damping * torch.eye(flat.numel()).to(flat)
        solved, singular = torch.linalg.solve_ex(matrix, flat)
        if int(singular) or not bool(solved.isfinite().all()):
            raise RunError("H is singular", do="Give the dense solver some damping.")
        residual = float((matrix @ solved - flat).norm()) / length if length else 0.0
        return Solution(unflatten(solved, vector), flat.numel(), residual)

    def _check_size(self, size: int) -> None:
        if size > self.limit:
            raise ConfigError(
                "The dense solver writes the whole Hessian out",
                expected=f"at most {self.limit} parameters",
                found=str(size),
                do="Use conjugate_gradient, gauss_newton or neumann.",
            )


def materialise(product: MatrixVector, like: Vector) -> Tensor:
    """The matrix behind a product, [n, n], by n products with unit vectors.

    >>> materialise(lambda u: [torch.tensor([[1.0, 2.0], [3.0, 4.0]]) @ u[0]], [torch.zeros(2)]).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    size = sum(x.numel() for x in like)
    units = torch.eye(size).to(like[0])
    return torch.stack([flatten(product(unflatten(unit, like))) for unit in units.unbind(0)], 1)
