"""Proposition 1 against retraining: the score is the derivative of the held-out loss by the auxiliary's weight."""

import numpy as np
import pytest
import torch
from torch import nn

from auxin.analysis.probe import (
    candidate_scores,
    curvature_product,
    directions,
    fit_head,
    mean_loss,
    resampled,
)
from auxin.models.base import PrimaryNetwork
from auxin.solvers.conjugate_gradient import ConjugateGradient
from auxin.solvers.dense import DenseSolver
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.typing import Batch

DAMPING = 0.1
MAIN, AUX = Regression("main"), Regression("aux")


def batch(seed, rows=30):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, generator=g, dtype=torch.float64)
    w = torch.tensor([1.0, -1.0, 0.5, 0.0], dtype=torch.float64)
    main = x @ w + torch.randn(rows, generator=g, dtype=torch.float64)
    aux = 2 * x @ w + 0.1 * torch.randn(rows, generator=g, dtype=torch.float64)
    return Batch(x, {"main": main, "aux": aux}, torch.arange(rows))


class Line(nn.Module):
    width = 1

    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(w.clone())

    def forward(self, x):
        return (x @ self.w).unsqueeze(1)


class Times(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = nn.Parameter(torch.tensor(c, dtype=torch.float64))

    def forward(self, features):
        return self.c * features


def trained(train, phi=0.0, steps=60):
    """W and the auxiliary head at the minimum of l_main + damping / 2 |W|^2 + phi l_aux, by alternating solves."""
    w, c = torch.zeros(4, dtype=torch.float64), 1.0
    x, y, z = train.x, train.y["main"], train.y["aux"]
    for _ in range(steps):
        normal = (2 / len(x)) * (1 + phi * c * c) * x.T @ x + DAMPING * torch.eye(4)
        w = torch.linalg.solve(normal, (2 / len(x)) * x.T @ (y + phi * c * z))
        c = float((x @ w) @ z / (x @ w).square().sum())
    return w, c


@pytest.mark.parametrize("curvature", ["gauss_newton", "hessian"])
@pytest.mark.parametrize(
    "solver", [DenseSolver(damping=DAMPING), ConjugateGradient(steps=50, damping=DAMPING)]
)
def test_the_score_is_what_retraining_finds(curvature, solver):
    train, held_out = batch(0), batch(1)
    w, _ = trained(train)
    trunk, unit, head = Line(w), Times(1.0).requires_grad_(False), Times(0.3)
    network = PrimaryNetwork(trunk, {"main": unit})
    fit_head(head, trunk(train.x).detach(), train.y["aux"], AUX, decay=0.0)
    product = curvature_product(network, MAIN, train, curvature)
    found = directions(network, MAIN, [held_out], product, solver)
    score = candidate_scores(found, trunk, [trunk.w], head, AUX, [train]).newton
    eps = 1e-5
    losses = [
        (held_out.x @ trained(train, phi)[0] - held_out.y["main"]).square().mean() for phi in (-eps, eps)
    ]
    assert score.shape == (1, 1)
    assert score.item() == pytest.approx(float((losses[1] - losses[0]) / (2 * eps)), rel=1e-5)
    assert score.item() < 0  # twice the same line with less noise: it helps


def test_products_in_chunks_are_the_whole(monkeypatch):
    train = batch(0, rows=31)
    network = PrimaryNetwork(Line(torch.ones(4).double()), {"main": Times(1.0).requires_grad_(False)})
    u = [torch.arange(4.0).double()]
    whole = curvature_product(network, MAIN, train)(u)
    monkeypatch.setattr("auxin.analysis.probe.CHUNK", 7)
    assert torch.allclose(curvature_product(network, MAIN, train)(u)[0], whole[0])
    assert torch.allclose(whole[0], 2 * train.x.T @ train.x @ u[0] / 31)


def test_a_fitted_head_has_no_gradient_and_random_labels_stay_at_chance():
    g = torch.Generator().manual_seed(0)
    task, features = Classes("c", 3, "cross_entropy"), torch.randn(2000, 5, generator=g)
    labels = torch.randint(3, (2000,), generator=g)
    head = nn.Linear(5, 3)
    loss = fit_head(head, features, labels, task, decay=0.0)
    assert loss == pytest.approx(np.log(3), abs=0.01)
    slopes = torch.autograd.grad(mean_loss(task, head(features), labels), list(head.parameters()))
    assert max(float(s.abs().max()) for s in slopes) < 1e-3


def test_the_cosine_is_one_for_the_main_task_itself_and_missing_labels_count_nowhere():
    held_out = batch(1)
    trunk = Line(torch.ones(4).double())
    network = PrimaryNetwork(trunk, {"main": Times(1.0).requires_grad_(False)})
    curvature = torch.tensor([1.0, 2.0, 4.0, 8.0]).double()
    found = directions(network, MAIN, [held_out, batch(2)], lambda v: [curvature * v[0]], DenseSolver())
    same = candidate_scores(found, trunk, [trunk.w], Times(1.0), MAIN, [held_out])
    assert same.cosine[0, 0] == pytest.approx(1.0)
    assert same.newton[0, 0] == pytest.approx(-float((found.gradients[0][0].square() / curvature).sum()))
    assert same.cosine.shape == (2, 1)
    gaps = Batch(held_out.x, {"main": held_out.y["main"].clone()}, held_out.rows)
    gaps.y["main"][10:] = torch.nan
    short = Batch(held_out.x[:10], {"main": held_out.y["main"][:10]}, held_out.rows[:10])
    a, b = (
        candidate_scores(found, trunk, [trunk.w], Times(1.0), MAIN, [part]).newton for part in (gaps, short)
    )
    assert np.allclose(a, b)


def test_the_interval_covers_a_mean_of_noisy_batches():
    generator = np.random.default_rng(0)
    hits = 0
    for i in range(60):
        table = 1.0 + generator.normal(size=(8, 1)) + generator.normal(size=(1, 8))
        mean, low, high = resampled([table], draws=300, seed=i)
        assert low <= mean <= high
        hits += low <= 1.0 <= high
    assert 48 <= hits <= 60
