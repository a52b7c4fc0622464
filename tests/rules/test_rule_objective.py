"""The meta-objectives: against scikit-learn's ridge, by their levels, and where features die."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from auxin.rules.objective import OBJECTIVES, cosine_loss, few_shot_ridge, ridge, with_ones
from auxin.rules.tasks import centred_targets


def labelled(n=30, width=5, classes=3, seed=0, noise=0.1):
    g = torch.Generator().manual_seed(seed)
    y = torch.eye(classes, dtype=torch.float64)[torch.arange(2 * n) % classes]
    directions = torch.randn(classes, width, generator=g, dtype=torch.float64)
    x = y @ directions + noise * torch.randn(2 * n, width, generator=g, dtype=torch.float64)
    y = centred_targets(y[None])
    return x[None, :n], y[:, :n], x[None, n:], y[:, n:]


def test_ridge_equals_scikit_learn():
    x, y, _, _ = labelled()
    peer = Ridge(alpha=0.1).fit(x[0].numpy(), y[0].numpy())
    v = ridge(x, y, 0.1)[0].numpy()
    np.testing.assert_allclose(v[:-1].T, peer.coef_, atol=1e-12)
    np.testing.assert_allclose(v[-1], peer.intercept_, atol=1e-12)


def test_levels_of_the_loss():
    sx, sy, qx, qy = labelled()
    good = few_shot_ridge(sx, sy, qx, qy)
    g = torch.Generator().manual_seed(1)
    shuffled = few_shot_ridge(sx, sy[:, torch.randperm(30, generator=g)], qx, qy)
    noise = few_shot_ridge(
        torch.randn(sx.shape, generator=g).double(), sy, torch.randn(qx.shape).double(), qy
    )
    assert float(good) < 0.2
    assert float(shuffled) > 1.3
    assert float(noise) > 1.3


def test_targets_are_centred_and_of_unit_rows():
    _, sy, _, _ = labelled()
    assert float(sy.mean()) == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(sy.square().sum(-1), torch.ones(1, 30).double())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_dead_features_give_finite_losses_and_gradients(name):
    sx, sy, qx, qy = labelled()
    dead_s, dead_q = torch.zeros_like(sx).requires_grad_(), torch.zeros_like(qx).requires_grad_()
    loss = OBJECTIVES[name](dead_s, sy, dead_q, qy).sum()
    gradient = torch.autograd.grad(loss, [dead_s, dead_q])
    assert torch.isfinite(loss)
    assert all(torch.isfinite(g).all() for g in gradient)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_better_features_have_lower_loss(name):
    good = OBJECTIVES[name](*labelled(noise=0.1))
    bad = OBJECTIVES[name](*labelled(noise=3.0))
    assert good.shape == (1,)
    assert float(good) < float(bad)


def test_cosine_loss_by_hand():
    y = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    p = torch.tensor([[[2.0, 0.0], [1.0, 0.0]]])
    assert float(cosine_loss(p, y)) == pytest.approx((0 + 2) / 2, abs=1e-5)


def test_gradient_of_the_ridge_loss():
    data = [t.clone().requires_grad_(i % 2 == 0) for i, t in enumerate(labelled(n=6, width=3))]
    assert torch.autograd.gradcheck(few_shot_ridge, data)


def test_the_intercept_is_free():
    x, y, _, _ = labelled()
    torch.testing.assert_close((with_ones(x) @ ridge(x, y + 5)) - 5, with_ones(x) @ ridge(x, y))
