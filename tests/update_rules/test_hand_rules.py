"""The hand rules against what they must find: principal components, and the gradient of a reconstruction error."""

import pytest
import torch

from auxin.errors import ConfigError
from auxin.update_rules.gradient import Gradient
from auxin.update_rules.hebb import Hebb


def elongated(count=4000, seed=0):
    g = torch.Generator().manual_seed(seed)
    scales = torch.tensor([3.0, 2.0, 1.2, 0.3, 0.3, 0.3])
    basis = torch.linalg.qr(torch.randn(6, 6, generator=g))[0]
    return (torch.randn(count, 6, generator=g) * scales) @ basis, basis


def trained(rule, x, width, steps=400):
    g = torch.Generator().manual_seed(1)
    state = rule.init_state((x.shape[1], width), 1, g)
    for _ in range(steps):
        rows = torch.randint(len(x), (256,), generator=g)
        state = rule.step(state, x[rows][None])
    return torch.nn.functional.normalize(state.weights[0][0], dim=0)


def test_triangular_hebb_finds_the_principal_components_in_order():
    x, basis = elongated()
    w = trained(Hebb(), x, 3)
    overlap = (basis[:3] @ w).abs()
    assert overlap.diagonal().min() > 0.97


def test_without_decorrelation_every_unit_finds_the_first_component():
    x, basis = elongated()
    w = trained(Hebb(decorrelation="none"), x, 3)
    assert (basis[0] @ w).abs().min() > 0.95


def test_symmetric_decorrelation_keeps_units_apart():
    x, _ = elongated()
    w, v = trained(Hebb(decorrelation="symmetric"), x, 2), trained(Hebb(decorrelation="none"), x, 2)
    assert (w[:, 0] @ w[:, 1]).abs() < (v[:, 0] @ v[:, 1]).abs() - 0.2


def test_competition_finds_cluster_centres():
    g = torch.Generator().manual_seed(0)
    centres = torch.eye(4) * 3
    x = (centres[torch.arange(2000) % 4] + 0.2 * torch.randn(2000, 4, generator=g)).float()
    w = trained(Hebb(competition=1.0, step_size=0.1), x, 4)
    towards = torch.nn.functional.normalize(centres - centres.mean(0), dim=1) @ w
    assert sorted(towards.argmax(1).tolist()) == [0, 1, 2, 3]


def test_unknown_decorrelation_is_refused():
    with pytest.raises(ConfigError, match="triangular"):
        Hebb(decorrelation="nonsense")


def test_gradient_descends_the_reconstruction_error():
    x, _ = elongated()
    rule = Gradient(step_size=0.05, top="linear")
    state = rule.init_state((6, 5, 3), 2, torch.Generator().manual_seed(0))
    batch = x[:400].view(2, 200, 6)
    before = rule.loss(state, batch)
    for _ in range(200):
        state = rule.step(state, batch)
    assert (rule.loss(state, batch) < 0.6 * before).all()
    assert not state.weights[0].requires_grad


def test_gradient_step_is_the_gradient_by_finite_differences():
    rule = Gradient(step_size=1.0)
    g = torch.Generator().manual_seed(0)
    state = rule.init_state((4, 3), 1, g, torch.float64)
    x = torch.rand(1, 8, 4, generator=g, dtype=torch.float64)
    moved = state.weights[0] - rule.step(state, x).weights[0]
    for i, j in ((0, 0), (2, 1)):
        values = []
        for sign in (1, -1):
            w = state.weights[0].clone()
            w[0, i, j] += sign * 1e-6
            values.append(float(rule.loss(state.with_tensors([w, *state.tensors()[1:]]), x)))
        assert float(moved[0, i, j]) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_a_step_size_below_zero_is_refused():
    with pytest.raises(ConfigError, match="step_size"):
        Gradient(step_size=-1.0)
