"""The scale of the Neumann series: with the factor alpha the closed form, as shipped four times the identity."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.implicit import Implicit
from auxin.paper import AUXILEARN
from auxin.recipes._regression import Rows, least_squares, shared_line
from auxin.recipes._summary import line, values_of
from auxin.records.recipe import Claim
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

ALPHA, TERMS = 1e-4, 3
"""The defaults of the authors' code."""


class NeumannScale(Recipe):
    """Section 3.4, algorithm 2: v_j = (I - alpha H) v_(j-1), p = sum of v_j, without the factor alpha.

    On section 5.1's regression, where everything has a closed form: dL_A/dphi_j = -<v, H^-1 grad l_j>.

    Three statements are checked. With the factor alpha and enough terms the hypergradient is the closed form. Without
    it, it is the closed form divided by alpha. With the authors' alpha of 1e-4 and 3 terms, it is four times that of
    the identity solver, which ignores H.
    """

    paper = replace(AUXILEARN, place="section 3.4, algorithm 2")
    title = "The scale of the Neumann series"
    minutes = 0.1
    departures = ("auxin's Neumann series has the factor alpha; every recipe of auxin's uses that one.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(20, smoke, 2))

    def run(self, piece: Piece) -> PieceResult:
        """Compare four estimates with the closed form."""
        train, outer = shared_line(piece.seed)
        problem, weights = _problem(train)
        hessian = 2 * weights.sum() * train[0].T @ train[0] / len(train[0])
        largest = float(torch.linalg.eigvalsh(hessian)[-1])
        truth = _closed_form(problem.network, hessian, train, outer)
        alpha = 1.0 / largest
        ours = _estimate(problem, train, outer, "neumann", alpha=alpha, terms=400, power_steps=0)
        shipped = _estimate(problem, train, outer, "neumann", alpha=ALPHA, terms=TERMS, power_steps=0) / ALPHA
        identity = _estimate(problem, train, outer, "identity", alpha=1.0)
        return PieceResult(
            {
                "error": float((ours - truth).norm() / truth.norm()),
                "ratio times alpha": float((ours / alpha).norm() / truth.norm()) * alpha,
                "shipped over identity": float(shipped.norm() / identity.norm()),
                "shipped from 4 identity": float((shipped - 4 * identity).norm() / (4 * identity).norm()),
                "alpha L": ALPHA * largest,
                "shipped over closed form": float(shipped.norm() / truth.norm()),
                "shipped cosine": float(shipped @ truth / (shipped.norm() * truth.norm())),
            }
        )

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Errors and ratios over seeds."""
        values = values_of(done)
        names = {
            "error": "with alpha, 400 terms: relative error to the closed form",
            "ratio times alpha": "without alpha: ratio to the closed form, times alpha",
            "shipped over identity": "as shipped (1e-4, 3 terms): ratio to the identity solver",
            "shipped from 4 identity": "as shipped: relative distance from 4 x identity",
            "shipped over closed form": "as shipped: ratio to the closed form",
            "shipped cosine": "as shipped: cosine to the closed form",
        }
        lines = [line(text, values[key]) for key, text in names.items()]
        far = max(values["shipped from 4 identity"])
        claims = [
            Claim(
                text="With the factor alpha the hypergradient is the closed form",
                found=f"relative error {max(values['error']):.1e} at most",
                holds=max(values["error"]) < 1e-8,
            ),
            Claim(
                text="The authors' shipped setting is four times the identity solver",
                found=f"to within {far:.1e}; alpha times the largest eigenvalue of H is {max(values['alpha L']):.1e}",
                holds=far < 1e-2,
            ),
        ]
        return RecipeOutcome(lines, claims)


def _problem(train: Rows) -> tuple[BilevelProblem, Tensor]:
    """Section 5.1 at W*(phi), all weights one."""
    network = nn.Linear(2, 1, bias=False).double()
    phi = torch.ones(3, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        network.weight.copy_(least_squares(train, phi.detach()).unsqueeze(0))
    losses = lambda output, rows: (output - rows[1]).square().mean(0)  # noqa: E731
    problem = BilevelProblem(
        network,
        criterion=lambda output, rows: losses(output, rows) @ phi,
        outer=lambda output, rows: losses(output, rows)[0],
        phi=[phi],
    )
    return problem, phi.detach()


def _closed_form(network: nn.Module, hessian: Tensor, train: Rows, outer: Rows) -> Tensor:
    w = next(network.parameters()).detach()[0]

    def slopes(rows: Rows) -> Tensor:
        """grad l_j, [D, T]."""
        x, y = rows
        return 2 * x.T @ ((x @ w).unsqueeze(1) - y) / len(x)

    return -torch.linalg.solve(hessian, slopes(outer)[:, 0]) @ slopes(train)


def _estimate(problem: BilevelProblem, train: Rows, outer: Rows, solver: str, **options: Any) -> Tensor:
    return Implicit(solver, check=False, **options).estimate(problem, train, outer).gradients[0]
