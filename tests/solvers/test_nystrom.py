"""The low-rank sketch: exact at full rank, deterministic, safe with negative curvature."""

import torch

from auxin.solvers.nystrom import Nystrom

GENERATOR = torch.Generator().manual_seed(3)
BASIS, _ = torch.linalg.qr(torch.randn(8, 8, generator=GENERATOR, dtype=torch.float64))
VECTOR = torch.randn(8, generator=GENERATOR, dtype=torch.float64)


def matrix(values: list[float]) -> torch.Tensor:
    return BASIS @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ BASIS.T


def solve(h: torch.Tensor, **options: float) -> torch.Tensor:
    return Nystrom(**options).solve(lambda x: [h @ x[0]], [VECTOR]).vector[0]  # type: ignore[arg-type]


def damped(h: torch.Tensor, damping: float) -> torch.Tensor:
    return torch.linalg.solve(h + damping * torch.eye(8, dtype=torch.float64), VECTOR)


def test_full_rank_is_exact():
    h = matrix([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    torch.testing.assert_close(solve(h, rank=8, damping=0.1), damped(h, 0.1), rtol=1e-10, atol=1e-12)


def test_the_rank_of_the_matrix_is_enough():
    h = matrix([5.0, 3.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(solve(h, rank=3, damping=0.1), damped(h, 0.1), rtol=1e-9, atol=1e-11)


def test_more_rank_than_the_matrix_has_does_no_harm():
    h = matrix([5.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(solve(h, rank=20, damping=0.1), damped(h, 0.1), rtol=1e-9, atol=1e-10)


def test_the_error_falls_with_the_rank():
    h = matrix([100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03])
    errors = [float((solve(h, rank=r, damping=0.1) - damped(h, 0.1)).norm()) for r in (2, 4, 6, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-10


def test_the_seed_is_the_only_chance():
    h = matrix([100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03])
    assert torch.equal(solve(h, rank=3, seed=1), solve(h, rank=3, seed=1))
    assert not torch.equal(solve(h, rank=3, seed=1), solve(h, rank=3, seed=2))


def test_negative_curvature_is_left_out():
    h = matrix([5.0, 3.0, -2.0, -1.0, 0.0, 0.0, 0.0, 0.0])
    p = solve(h, rank=8, damping=0.1)
    assert float(p @ VECTOR) > 0.0
    assert float(p.norm()) <= float(VECTOR.norm()) / 0.1 + 1e-9
