"""Training goes on where one auxiliary's loss is a thousand times too large, too small, or not a number."""

import math

import pytest
import torch
from combiner_cases import TinyNet

from auxin import catalogue
from auxin.combiners import build
from auxin.training.screen import screen

NAMES = ["t0", "t1", "t2"]
SPECIAL = {"convnet", "torchjd"}  # the one needs loss images, the other an optional library
TRAINABLE = [n for n in catalogue.names("combiners") if n not in SPECIAL]


def hypergradient(net, main, loss, phi):
    """Look-ahead at the present weights by double backward: -d/dphi <grad main, grad loss>."""
    weights = list(net.parameters())
    options = {"allow_unused": True, "materialize_grads": True}
    ahead = torch.autograd.grad(main, weights, retain_graph=True, **options)
    along = torch.autograd.grad(loss, weights, create_graph=True, **options)
    inner = sum((a * g).sum() for a, g in zip(ahead, along, strict=True))
    return [-g for g in torch.autograd.grad(inner, phi, retain_graph=True, **options)]


def train(name, factor, steps=28):
    """A small network on linear targets; the second task's loss is `factor` times itself. Its main losses."""
    torch.manual_seed(0)
    net, combiner = TinyNet(), build(name, NAMES)
    optimizer = torch.optim.Adam([*net.parameters(), *combiner.trained_with_main()], lr=0.04)
    meta = torch.optim.Adam(combiner.phi(), lr=0.04) if combiner.phi() else None
    x = torch.randn(32, 4)
    targets = x @ torch.randn(4, 3)
    curve, dropped = [], set()
    for step in range(steps):
        found = net.task_losses(x, targets).values
        columns = [found[:, 0], found[:, 1] * factor, found[:, 2]]
        losses, out = screen(columns, [found[:, 0] >= 0] * 3, NAMES)
        dropped |= set(out)
        gramian = gramian_of(net, losses.means()) if combiner.needs_gramian else None
        loss = combiner(losses, gramian) if combiner.needs_gramian else combiner(losses)
        if meta and step % 5 == 0:
            for parameter, grad in zip(
                combiner.phi(), hypergradient(net, losses.means()[0], loss, combiner.phi()), strict=True
            ):
                parameter.grad = grad
        gradients = torch.autograd.grad(loss, optimizer.param_groups[0]["params"], allow_unused=True)
        for parameter, grad in zip(optimizer.param_groups[0]["params"], gradients, strict=True):
            parameter.grad = grad
        optimizer.step()
        if meta and step % 5 == 0:
            meta.step()
            combiner.after_meta_step()
        combiner.after_step(losses, gramian)
        if step % 10 == 9:
            combiner.end_epoch(losses.means().detach())
        curve.append(losses.means()[0].item())
    return curve, dropped


def gramian_of(net, means):
    rows = torch.stack([net.direction(m) if m.grad_fn else torch.zeros(25) for m in means])
    return rows @ rows.T


@pytest.mark.parametrize("name", TRAINABLE)
@pytest.mark.parametrize("factor", [1.0, 1e3, 1e-3, math.nan])
def test_the_main_task_still_learns(name, factor):
    curve, dropped = train(name, factor)
    assert all(math.isfinite(loss) for loss in curve)
    assert curve[-1] < 0.7 * curve[0]
    assert dropped == ({"t1"} if math.isnan(factor) else set())
