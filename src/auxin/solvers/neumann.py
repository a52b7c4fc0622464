"""The truncated Neumann series alpha * sum (I - alpha H)^j v, with a check that alpha is safe."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch

from auxin.math.vectors import check_finite, largest_eigenvalue
from auxin.paper import AUXILEARN
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector

MARGIN = 1.5
"""alpha is let through up to MARGIN / estimate: power iteration sees the largest eigenvalue from below."""


@dataclass
class Neumann(Solver):
    """p = alpha * sum_{j=0..terms} (I - alpha H)^j v, with `terms` products.

    Lorraine, Vicol, Duvenaud 2020, algorithm 3; the solver of Navon et al. 2021, algorithm 2. For an SPD
    matrix with eigenvalues in [mu, L] and alpha < 2 / L the relative error is at most max|1 - alpha
    lambda|^(terms + 1).

    Departure: AuxiLearn's code leaves the factor alpha out, and with its alpha of 1e-4 and 3 terms the sum is
    4 v to within 6e-4 L: the identity solver. Here the factor is in, alpha is checked against the largest
    eigenvalue (which is estimated by power iteration, remembered, and renewed now and then), and a step that
    would diverge is replaced and said.

    Args:
        alpha: Step size; None takes 1 / (largest eigenvalue).
        terms: Number J of products; the sum has J + 1 terms (J = 3 in the paper and its code).
        power_steps: Number of products for the estimate of the largest eigenvalue; 0 uses alpha without a check.
        refresh: Number of solves after which the estimate is renewed.
        factor: Whether the sum is multiplied by alpha; without it, it is what AuxiLearn's code computes, and the
            approximate inverse is too large by 1 / alpha.

    >>> import torch
    >>> Neumann(alpha=0.5, terms=1).solve(lambda x: [2.0 * x[0]], [torch.tensor([1.0])]).vector
    [tensor([0.5000])]
    """

    paper = AUXILEARN
    alpha: float | None = None
    terms: int = 3
    power_steps: int = 5
    refresh: int = 100
    factor: bool = True
    _largest: float = field(default=0.0, init=False, repr=False)
    _age: int = field(default=-1, init=False, repr=False)

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Sum the series; the notes say where alpha was replaced or a term grew."""
        length = check_finite(vector)
        spent = self._renew(product, vector)
        alpha, notes = self._step()
        total, lengths, sides = [x.clone() for x in vector], [length], [length**2]
        for _ in range(self.terms):
            size, side = _add_term(total, vector, product(total), alpha)
            lengths.append(size)
            sides.append(side)
        check_finite(total, "The Neumann series")
        notes += _growth(lengths, sides, alpha)
        unit = alpha if self.factor else 1.0
        return Solution([t.mul_(unit) for t in total], self.terms + spent, notes=notes, unit=unit)

    def _renew(self, product: MatrixVector, vector: Vector) -> int:
        self._age += 1
        if self.power_steps == 0 or self._age % self.refresh:
            return 0
        self._largest = largest_eigenvalue(product, vector, self.power_steps)
        return self.power_steps

    def _step(self) -> tuple[float, list[str]]:
        safe = 1.0 / self._largest if self._largest > 0.0 and math.isfinite(self._largest) else None
        if self.alpha is None:
            return (safe if safe is not None else 1.0), []
        if safe is None or self.alpha <= MARGIN * safe:
            return self.alpha, []
        note = (
            f"Neumann's alpha of {self.alpha:.3g} would diverge: the largest eigenvalue is at least "
            f"{self._largest:.3g}. The step {safe:.3g} was used."
        )
        return safe, [note]

    def state_dict(self) -> dict[str, Any]:
        """The remembered eigenvalue and its age."""
        return {"largest": self._largest, "age": self._age}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with a remembered eigenvalue."""
        self._largest, self._age = float(state["largest"]), int(state["age"])


def _add_term(total: Vector, vector: Vector, applied: Vector, alpha: float) -> tuple[float, float]:
    """Add the next term, v - alpha H (sum so far), in place; its norm and its inner product with v.

    Tensor by tensor, so that a term is never whole in memory.
    """
    norms, sides = [], []
    for t, v, h in zip(total, vector, applied, strict=True):
        term = torch.add(v, h, alpha=-alpha)
        norms.append(torch.linalg.vector_norm(term))
        sides.append(torch.dot(v.flatten(), term.flatten()))
        t.add_(term)
    return float(torch.stack(norms).norm()), float(torch.stack(sides).sum())


def _growth(lengths: list[float], sides: list[float], alpha: float) -> list[str]:
    """A growing term: one that turns against v comes of a large alpha, one that does not of negative curvature."""
    grown = [j for j in range(1, len(lengths)) if lengths[j] > lengths[j - 1] * (1.0 + 1e-6)]
    if not grown:
        return []
    j = grown[0]
    if sides[j] * sides[j - 1] > 0.0:
        return [f"The Neumann series met negative curvature at term {j}; Gauss-Newton products have none."]
    return [f"The Neumann series' term {j} grew: alpha = {alpha:.3g} is too large."]
