"""The contract of a linear solver: p with (H + damping I) p = v, given only products with H."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from auxin.math.vectors import MatrixVector, Vector
from auxin.paper import Paper

Curvature = Literal["hessian", "gauss_newton"]
"""What H stands for: the Hessian, or the Gauss-Newton matrix J^T Q J, which has no negative curvature."""


@dataclass(frozen=True)
class Solution:
    """The result of a solver.

    Attributes:
        vector: Approximation p of H^-1 v; a list that the caller may empty.
        products: Number of products with H that were used.
        residual: |(H + damping I) p - v| / |v| with the solver's own damping, or None where the solver does
            not know it without a further product.
        notes: What the solver decided for the user (a safe step, negative curvature met), one sentence each.
        unit: The step size that p carries as a factor, by which `scale="unit"` divides (1 where there is
            none).
    """

    vector: Vector
    products: int
    residual: float | None = None
    notes: list[str] = field(default_factory=list)
    unit: float = 1.0


class Solver(ABC):
    """Approximates H^-1 v from products with H alone. A member can be made without arguments.

    Attributes:
        curvature: Matrix whose products the solver uses by default.
        paper: Paper that introduced it.

    A vector is a list of tensors, as of a network's parameters. Here H = diag(2, 4) and v = (2, 4):

    >>> import torch
    >>> from auxin.solvers.conjugate_gradient import ConjugateGradient
    >>> found = ConjugateGradient().solve(lambda u: [torch.tensor([2.0, 4.0]) * u[0]], [torch.tensor([2.0, 4.0])])
    >>> found.vector[0].round(decimals=4)
    tensor([1., 1.])
    """

    curvature: ClassVar[Curvature] = "hessian"
    paper: ClassVar[Paper | None] = None

    @abstractmethod
    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Solve H p = v.

        Args:
            product: H times a vector.
            vector: v, the gradient of the outer loss; not changed.

        Raises:
            RunError: v, or what the products make of it, is not finite.
        """

    def state_dict(self) -> dict[str, Any]:
        """The state that the solver keeps between calls, for a checkpoint (empty for most solvers)."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        del state


CONTRACT = Solver
