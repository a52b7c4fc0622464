"""The oracle itself, and what it refuses."""

import pytest
import torch

from auxin.errors import ConfigError, RunError
from auxin.solvers.dense import DenseSolver


def test_solves_an_unsymmetric_list_of_shapes():
    h = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def product(x: list[torch.Tensor]) -> list[torch.Tensor]:
        y = h @ torch.cat([x[0].reshape(-1), x[1]])
        return [y[:4].reshape(2, 2), y[4:]]

    v = [torch.ones(2, 2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)]
    solution = DenseSolver().solve(product, v)
    back = product(solution.vector)
    torch.testing.assert_close(back[0], v[0])
    torch.testing.assert_close(back[1], v[1])
    assert solution.products == 6
    assert solution.residual is not None
    assert solution.residual < 1e-12


def test_a_singular_matrix_is_refused_and_damping_helps():
    def product(x: list[torch.Tensor]) -> list[torch.Tensor]:
        return [torch.stack([x[0][0], 0.0 * x[0][1]])]

    with pytest.raises(RunError, match="damping"):
        DenseSolver().solve(product, [torch.ones(2)])
    assert float(DenseSolver(damping=1.0).solve(product, [torch.ones(2)]).vector[0][1]) == 1.0


def test_too_many_parameters_are_refused():
    with pytest.raises(ConfigError, match="at most 3"):
        DenseSolver(limit=3).solve(lambda x: x, [torch.ones(4)])
