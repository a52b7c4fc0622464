"""The running solution converges, follows a moving system, and resumes."""

import pytest
import torch

from auxin.errors import ConfigError, RunError
from auxin.solvers.running import Running

H = torch.diag(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64))
V = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def product(x: list[torch.Tensor]) -> list[torch.Tensor]:
    return [H @ x[0]]


def test_converges_to_the_damped_solution():
    solver = Running(step=0.2, damping=0.5)
    p = [solver.solve(product, [V]) for _ in range(200)][-1].vector[0]
    torch.testing.assert_close(p, V / (H.diag() + 0.5))


def test_several_steps_are_several_calls():
    one, many = Running(step=0.2), Running(step=0.2, steps=3)
    for _ in range(3):
        last = one.solve(product, [V])
    assert torch.equal(last.vector[0], many.solve(product, [V]).vector[0])


def test_is_warm_and_resumes():
    solver, other = Running(step=0.2), Running(step=0.2)
    solver.solve(product, [V])
    other.load_state_dict(solver.state_dict())
    assert torch.equal(solver.solve(product, [V]).vector[0], other.solve(product, [V]).vector[0])
    assert not torch.equal(
        solver.solve(product, [V]).vector[0], Running(step=0.2).solve(product, [V]).vector[0]
    )


def test_divergence_is_refused_and_not_remembered():
    solver = Running(step=1e100)
    solver.solve(product, [V])
    with pytest.raises(RunError, match="running solution"):
        solver.solve(product, [V])
    assert torch.isfinite(solver.state_dict()["solution"][0]).all()


def test_another_network_is_refused():
    solver = Running()
    solver.solve(product, [V])
    with pytest.raises(ConfigError, match="another network"):
        solver.solve(lambda x: x, [torch.ones(2)])
