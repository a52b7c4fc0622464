"""A solution carried from one meta step to the next and improved by a product or two each time (SOBA)."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from auxin.errors import ConfigError
from auxin.math.params import axpy, zeros
from auxin.math.vectors import check_finite
from auxin.paper import Paper
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector


@dataclass
class Running(Solver):
    """p <- p - step ((H + damping I) p - v), warm-started from the last call.

    Dagréou, Ablin, Vaiter, Moreau 2022 (SOBA): the linear system is not solved anew at each meta step, W, p
    and phi move together. Departure: the hypergradient uses p after the update, not before, so that the first
    one is not zero.

    Args:
        step: Step size rho; it must be below 2 / (largest eigenvalue + damping).
        steps: Number of products per call.
        damping: Number added to the diagonal of H.

    >>> import torch
    >>> solver = Running(step=0.5)
    >>> [solver.solve(lambda x: x, [torch.ones(1)]).vector[0].item() for _ in range(3)]
    [0.5, 0.75, 0.875]
    """

    paper = Paper(
        "A framework for bilevel optimization that enables stochastic and global variance reduction",
        "Dagréou, Ablin, Vaiter, Moreau",
        2022,
        "https://arxiv.org/abs/2201.13409",
        "algorithm 1",
    )
    step: float = 0.1
    steps: int = 1
    damping: float = 0.0
    _solution: list[Tensor] | None = field(default=None, init=False, repr=False)

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Improve the running solution on this product and right-hand side."""
        check_finite(vector)
        solution = zeros(vector) if self._solution is None else self._solution
        _check_shapes(solution, vector)
        for _ in range(self.steps):
            applied = axpy(self.damping, solution, product(solution))
            solution = axpy(-self.step, axpy(-1.0, vector, applied), solution)
        check_finite(solution, "The running solution")
        self._solution = solution
        return Solution(list(solution), products=self.steps)

    def state_dict(self) -> dict[str, Any]:
        """The running solution."""
        return {"solution": None if self._solution is None else [x.clone() for x in self._solution]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved running solution."""
        saved = state["solution"]
        self._solution = None if saved is None else [x.clone() for x in saved]


def _check_shapes(solution: Vector, vector: Vector) -> None:
    found, expected = [tuple(x.shape) for x in solution], [tuple(x.shape) for x in vector]
    if found != expected:
        raise ConfigError(
            "The running solution belongs to another network",
            expected=f"parameters of shapes {expected}",
            found=f"{found}",
            do="Make a new solver.",
        )
