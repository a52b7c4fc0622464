"""The Neumann series against its bound, the authors' setting, and a step that is too large."""

import pytest
import torch

from auxin.solvers.identity import Identity
from auxin.solvers.neumann import Neumann

VALUES = torch.tensor([0.5, 1.0, 2.0, 4.0], dtype=torch.float64)
BASIS, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
MATRIX = BASIS @ torch.diag(VALUES) @ BASIS.T
VECTOR = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
EXACT = torch.linalg.solve(MATRIX, VECTOR)


def product(x: list[torch.Tensor]) -> list[torch.Tensor]:
    return [MATRIX @ x[0]]


@pytest.mark.parametrize("terms", [0, 1, 2, 3, 5, 10, 20, 50])
def test_the_error_is_within_its_bound(terms: int):
    p = Neumann(alpha=0.2, terms=terms).solve(product, [VECTOR]).vector[0]
    error = float((p - EXACT).norm() / EXACT.norm())
    assert error <= (1.0 - 0.2 * 0.5) ** (terms + 1) + 1e-14
    assert error >= 0.1 * (1.0 - 0.2 * 0.5) ** (terms + 1)


@pytest.mark.parametrize("terms", [0, 1, 3, 10])
def test_the_sum_is_the_one_written_down(terms: int):
    step = torch.eye(4, dtype=torch.float64) - 0.2 * MATRIX
    expected = 0.2 * sum(torch.linalg.matrix_power(step, j) @ VECTOR for j in range(terms + 1))
    torch.testing.assert_close(Neumann(alpha=0.2, terms=terms).solve(product, [VECTOR]).vector[0], expected)


def test_the_authors_shipped_setting_is_a_multiple_of_the_identity():
    """AuxiLearn's code: alpha 1e-4, 3 terms, no factor alpha: 4 v to within 6e-4 L."""
    authors = [x / 1e-4 for x in Neumann(alpha=1e-4, terms=3).solve(product, [VECTOR]).vector]
    without = Neumann(alpha=1e-4, terms=3, factor=False).solve(product, [VECTOR]).vector
    torch.testing.assert_close(without, authors)
    identity = Identity(alpha=4.0).solve(product, [VECTOR]).vector
    gap = float((authors[0] - identity[0]).norm() / VECTOR.norm())
    assert 0.0 < gap < 6e-4 * 4.0


def test_a_step_that_would_diverge_is_replaced_and_said():
    solution = Neumann(alpha=1.0, terms=50).solve(product, [VECTOR])
    assert "would diverge" in solution.notes[0]
    assert solution.unit == pytest.approx(0.25, rel=0.2)
    assert float((solution.vector[0] - EXACT).norm() / EXACT.norm()) < 0.01


def test_without_the_estimate_growth_is_seen_all_the_same():
    solution = Neumann(alpha=1.0, terms=10, power_steps=0).solve(product, [VECTOR])
    assert solution.products == 10
    assert "too large" in solution.notes[0]


def test_negative_curvature_is_told_apart_from_a_large_step():
    solution = Neumann(alpha=0.1).solve(lambda x: [-x[0]], [VECTOR])
    assert "negative curvature" in solution.notes[0]


def test_the_estimate_is_remembered_and_renewed():
    solver = Neumann(alpha=0.2, terms=3, power_steps=5, refresh=2)
    assert [solver.solve(product, [VECTOR]).products for _ in range(5)] == [8, 3, 8, 3, 8]


def test_no_alpha_takes_the_inverse_of_the_largest_eigenvalue():
    solution = Neumann(terms=100, power_steps=40).solve(product, [VECTOR])
    assert solution.unit == pytest.approx(0.25, rel=1e-6)
    assert solution.notes == []
    assert float((solution.vector[0] - EXACT).norm() / EXACT.norm()) < 1e-5
