"""What every solver promises, over every file in the family."""

import inspect

import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import RunError
from auxin.math.params import dot, norm
from auxin.math.vectors import relative_residual
from auxin.solvers.base import Solver, Vector

NAMES = catalogue.names("solvers")
KNOWN = {"identity", "neumann", "conjugate_gradient", "gauss_newton", "nystrom", "dense", "running"}
SHAPES = [(2, 2), (3,)]


def make(name: str) -> Solver:
    return catalogue.load("solvers", name)()


def split(flat: Tensor) -> Vector:
    sizes = [torch.Size(s).numel() for s in SHAPES]
    return [x.reshape(s) for x, s in zip(flat.split(sizes), SHAPES, strict=True)]


class Matrix:
    """A product with an explicit matrix that counts itself."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix, self.count = matrix, 0

    def __call__(self, vector: Vector) -> Vector:
        self.count += 1
        return split(self.matrix @ torch.cat([x.reshape(-1) for x in vector]))


@pytest.fixture
def spd() -> Matrix:
    torch.manual_seed(0)
    root = torch.randn(7, 7, dtype=torch.float64)
    return Matrix(root @ root.T / 7 + 0.5 * torch.eye(7, dtype=torch.float64))


@pytest.fixture
def vector() -> Vector:
    torch.manual_seed(1)
    return split(torch.randn(7, dtype=torch.float64))


def test_the_sweep_covers_the_known_solvers():
    assert set(NAMES) >= KNOWN


@pytest.mark.parametrize("name", NAMES)
class TestEverySolver:
    def test_shapes_dtype_and_count(self, name: str, spd: Matrix, vector: Vector):
        solution = make(name).solve(spd, vector)
        assert [x.shape for x in solution.vector] == [x.shape for x in vector]
        assert all(x.dtype == torch.float64 for x in solution.vector)
        assert solution.products == spd.count

    def test_does_not_change_v(self, name: str, spd: Matrix, vector: Vector):
        before = [x.clone() for x in vector]
        make(name).solve(spd, vector)
        assert all(torch.equal(x, y) for x, y in zip(vector, before, strict=True))

    def test_goes_down_the_gradient(self, name: str, spd: Matrix, vector: Vector):
        assert float(dot(make(name).solve(spd, vector).vector, vector)) > 0.0

    def test_is_linear_in_v(self, name: str, spd: Matrix, vector: Vector):
        once = make(name).solve(spd, vector).vector
        thrice = make(name).solve(spd, [3.0 * x for x in vector]).vector
        for x, y in zip(once, thrice, strict=True):
            torch.testing.assert_close(3.0 * x, y, rtol=1e-9, atol=1e-12)

    def test_zero_in_zero_out(self, name: str, spd: Matrix, vector: Vector):
        solution = make(name).solve(spd, [torch.zeros_like(x) for x in vector])
        assert float(norm(solution.vector)) == 0.0
        assert solution.residual in (None, 0.0)

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_refuses_what_is_not_finite(self, name: str, bad: float, spd: Matrix, vector: Vector):
        vector[1][0] = bad
        with pytest.raises(RunError, match="not finite"):
            make(name).solve(spd, vector)

    def test_a_reported_residual_is_the_true_one(self, name: str, spd: Matrix, vector: Vector):
        solver = make(name)
        solution = solver.solve(spd, vector)
        if solution.residual is None:
            pytest.skip("reports none")
        true = relative_residual(spd, solution.vector, vector, getattr(solver, "damping", 0.0))
        assert abs(solution.residual - true) < 1e-12

    def test_touches_no_random_state(self, name: str, spd: Matrix, vector: Vector):
        before = torch.get_rng_state()
        make(name).solve(spd, vector)
        assert torch.equal(before, torch.get_rng_state())

    def test_the_unit_is_a_factor_of_p(self, name: str, spd: Matrix, vector: Vector):
        solver = make(name)
        if "alpha" not in inspect.signature(type(solver)).parameters:
            pytest.skip("has no step size")
        small = type(solver)(alpha=1e-6).solve(spd, vector)
        assert small.unit == 1e-6
        ratio = norm(small.vector) / norm(vector) / small.unit
        assert 0.9 < float(ratio) < 10.0

    def test_goes_on_from_a_saved_state(self, name: str, spd: Matrix, vector: Vector):
        whole, first, second = make(name), make(name), make(name)
        for _ in range(2):
            whole.solve(spd, vector)
            first.solve(spd, vector)
        second.load_state_dict(first.state_dict())
        assert _same(whole.solve(spd, vector).vector, second.solve(spd, vector).vector)


def _same(one: Vector, other: Vector) -> bool:
    return all(torch.equal(x, y) for x, y in zip(one, other, strict=True))
