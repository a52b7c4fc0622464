"""Every learned combiner under the look-ahead: its hypergradient is that of double backward."""

import pytest
import torch
from combiner_cases import gradients, losses
from torch import nn
from torch.func import functional_call

from auxin import catalogue
from auxin.combiners import build
from auxin.combiners.base import TrainedBy
from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.lookahead import Lookahead
from auxin.optimizers import InnerStep

NAMES = ["t0", "t1", "t2"]
LEARNED = [
    n
    for n in catalogue.names("combiners")
    if catalogue.load("combiners", n).trained_by is TrainedBy.HYPERGRADIENT
]


def pose(name):
    """A network, a combiner that has moved from its start, and the two losses."""
    torch.manual_seed(0)
    combiner = build(name, NAMES)
    dense = combiner.needs_images
    network = (
        nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 1))
        if dense
        else nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    )
    with torch.no_grad():
        for p in combiner.parameters():
            p += 0.2 * torch.rand(p.shape)
    combiner.after_meta_step()
    rows = gradients()

    def criterion(signals, batch):
        found = losses((signals - batch[1]) ** 2, batch[2])
        return combiner(found, rows @ rows.T) if combiner.needs_gramian else combiner(found)

    def outer(signals, batch):
        return ((signals - batch[1]) ** 2)[:, 0].mean()

    shape = (6, 2, 5, 5) if dense else (6, 4)
    target = (6, 3, 5, 5) if dense else (6, 3)
    batches = [(torch.randn(shape), torch.randn(target), torch.rand(target) > 0.3) for _ in range(2)]
    return network, BilevelProblem(network, criterion, outer, combiner.phi()), batches


def by_double_backward(network, problem, train, meta, rate):
    weights = dict(network.named_parameters())
    loss = problem.criterion(network(train[0]), train)
    grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    ahead = {n: w - rate * g for (n, w), g in zip(weights.items(), grads, strict=True)}
    outer = problem.outer(functional_call(network, ahead, (meta[0],)), meta)
    return torch.autograd.grad(outer, problem.phi, allow_unused=True, materialize_grads=True)


def test_the_sweep_covers_the_learned_ones():
    assert len(LEARNED) >= 9


@pytest.mark.parametrize("name", LEARNED)
def test_the_look_ahead_is_double_backward(name):
    network, problem, (train, meta) = pose(name)
    before = [p.clone() for p in network.parameters()]
    expected = by_double_backward(network, problem, train, meta, 0.1)
    step = InnerStep(torch.optim.SGD(network.parameters(), lr=0.1), network.parameters())
    found = Lookahead(mode="forward").estimate(problem, train, meta, step).gradients
    assert max(g.abs().max() for g in found) > 0
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
