"""Conjugate gradient against closed forms, and where the matrix is not what it should be."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from auxin.errors import RunError
from auxin.solvers.conjugate_gradient import ConjugateGradient
from auxin.solvers.gauss_newton import GaussNewton


def spd(size: int, condition: float, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    return (
        basis
        @ torch.diag(torch.logspace(0, torch.tensor(condition).log10(), size, dtype=torch.float64))
        @ basis.T
    )


def ones(size: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [6, 20, 50])
def test_condition_1e4_within_4d_steps(size: int, seed: int):
    matrix, vector = spd(size, 1e4, seed), ones(size)
    solution = ConjugateGradient(steps=4 * size, tolerance=1e-14).solve(lambda x: [matrix @ x[0]], [vector])
    exact = torch.linalg.solve(matrix, vector)
    assert float((solution.vector[0] - exact).norm() / exact.norm()) < 1e-10
    assert solution.products <= 4 * size


def test_isotropic_takes_one_step_and_keeps_it():
    solution = ConjugateGradient().solve(lambda x: [2.0 * x[0]], [ones(6)])
    assert solution.products == 1
    torch.testing.assert_close(solution.vector[0], ones(6) / 2.0, rtol=1e-15, atol=0.0)


def test_the_last_iterate_is_kept():
    matrix, vector = spd(6, 10.0), ones(6)
    errors = []
    for steps in range(1, 7):
        p = ConjugateGradient(steps=steps).solve(lambda x: [matrix @ x[0]], [vector]).vector[0]
        gap = p - torch.linalg.solve(matrix, vector)
        errors.append(float(gap @ matrix @ gap))
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-20


def test_damping_is_added():
    matrix, vector = spd(6, 100.0), ones(6)
    p = ConjugateGradient(steps=24, damping=0.3).solve(lambda x: [matrix @ x[0]], [vector]).vector[0]
    torch.testing.assert_close(
        p, torch.linalg.solve(matrix + 0.3 * torch.eye(6).double(), vector), rtol=1e-10, atol=1e-12
    )


def test_negative_curvature_stops_with_a_note_and_an_honest_residual():
    matrix = torch.diag(torch.tensor([1.0, 2.0, -0.5], dtype=torch.float64))
    vector = torch.tensor([1.0, 1.0, 0.1], dtype=torch.float64)
    solution = ConjugateGradient().solve(lambda x: [matrix @ x[0]], [vector])
    assert "negative curvature" in solution.notes[0]
    true = float((matrix @ solution.vector[0] - vector).norm() / vector.norm())
    assert solution.residual == pytest.approx(true, abs=1e-12)


def test_negative_curvature_at_the_first_step_returns_a_descent_direction():
    solution = ConjugateGradient().solve(lambda x: [-2.0 * x[0]], [ones(3)])
    torch.testing.assert_close(solution.vector[0], ones(3) / 2.0)
    assert solution.residual == pytest.approx(2.0)
    assert "after 0 steps" in solution.notes[0]


def test_a_matrix_of_zeros_gives_zero_and_says_so():
    solution = ConjugateGradient().solve(lambda x: [0.0 * x[0]], [ones(3)])
    assert float(solution.vector[0].norm()) == 0.0
    assert solution.residual == pytest.approx(1.0)
    assert "zero curvature" in solution.notes[0]


def test_a_product_that_is_not_finite_is_refused():
    with pytest.raises(RunError, match="product with H"):
        ConjugateGradient().solve(lambda x: [x[0] * float("nan")], [ones(3)])


def test_huge_and_tiny_right_hand_sides():
    for factor in (1e-15, 1e15):
        p = ConjugateGradient().solve(lambda x: [2.0 * x[0]], [factor * torch.ones(4)]).vector[0]
        torch.testing.assert_close(p / factor, torch.full((4,), 0.5))


def test_gauss_newton_declares_its_products_and_damps():
    assert GaussNewton.curvature == "gauss_newton"
    p = GaussNewton(damping=0.5).solve(lambda x: [1.5 * x[0]], [ones(3)]).vector[0]
    torch.testing.assert_close(p, ones(3) / 2.0)
