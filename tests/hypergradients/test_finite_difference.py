"""The finite-difference look-ahead: how far off over a sweep of radii, shared masks, refusals."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD

from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients import BilevelProblem, hypergradient
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.optimizers import InnerStep
from oracles import images, lookahead_reference, make, relative
from real_step import differenced, off

TRAIN, META = images(seed=1), images(seed=2)


def error(problem, **options):
    optimizer = SGD(problem.network.parameters(), lr=0.1)
    step = InnerStep(optimizer, problem.network.parameters())
    found = FiniteDifference(**options).estimate(problem, TRAIN, META, step)
    return relative(found.gradients, lookahead_reference(problem, TRAIN, META, optimizer))


@pytest.mark.parametrize("trunk", ["mlp", "layer_norm"])
def test_sweep_of_radii(trunk):
    """The truncation error falls as the square of the radius, until rounding takes over."""
    errors = [error(make(trunk), radius=r) for r in (1e-1, 1e-2, 1e-3)]
    assert 60 < errors[0] / errors[1] < 160
    assert 60 < errors[1] / errors[2] < 160
    assert error(make(trunk)) < 1e-6
    assert error(make(trunk), radius=1e-13) > 1e-4


@pytest.mark.parametrize("trunk", ["batch_norm", "attention"])
def test_kinks_do_no_harm_at_the_default_radius(trunk):
    assert error(make(trunk)) < 1e-6


def test_many_kinks_are_no_stopped_gradient():
    """Some of 32,000 ReLUs change sides within the radius, and none within a hundredth of it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 500), nn.ReLU(), nn.Linear(500, 1)).double()
    net[0].load_state_dict({name: 1e-4 * p for name, p in net[0].state_dict().items()})
    x, y, phi = torch.randn(64, 20).double(), torch.randn(64, 1).double(), torch.zeros(64, 1).double()
    problem = BilevelProblem(
        net,
        lambda out, _: ((out - y).pow(2) * (1 + phi).pow(2)).mean(),
        lambda out, _: (out + y).pow(2).mean(),
        [phi.requires_grad_()],
    )
    found = hypergradient(problem, x, optimizer=SGD(net.parameters(), lr=0.1), estimator="finite_difference")
    exact = hypergradient(problem, x, optimizer=SGD(net.parameters(), lr=0.1))
    assert relative(found.gradients, exact.gradients) < 1e-2


class Rounding(nn.Module):
    """A straight-through operation."""

    def forward(self, x):
        return x + ((4 * x).round() / 4 - x).detach()


@pytest.mark.parametrize("inside", [nn.Identity, Rounding])
def test_float32_tells_stopped_gradients_from_rounding(inside):
    """In a random direction of this width a difference in float32 is rounding alone, with or without a stop."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(32, 512), nn.ReLU(), inside(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 9)
    )
    x, y, phi = torch.randn(64, 32), torch.arange(64) % 3, torch.zeros(2, requires_grad=True)

    def criterion(out, _):
        weights = torch.cat((torch.zeros(1), phi)).exp()
        return sum(w * F.cross_entropy(part, y) for w, part in zip(weights, out.split(3, 1), strict=True))

    problem = BilevelProblem(net, criterion, lambda out, _: F.cross_entropy(out[:, :3], y), [phi])
    sgd = SGD(net.parameters(), lr=0.1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RuntimeWarning)
        hypergradient(problem, (x,), optimizer=sgd, estimator="finite_difference")
    assert len(told) == (inside is Rounding)


def test_dropout_masks_are_shared():
    assert error(make("dropout", "combiner")) < 1e-6
    assert error(make("attention", "sample_weights")) < 1e-6


def test_v_at_w():
    problem = make("mlp")
    optimizer = SGD(problem.network.parameters(), lr=1e-6)
    step = InnerStep(optimizer, problem.network.parameters())
    found = FiniteDifference(at="here").estimate(problem, TRAIN, META, step, scale="unit")
    ahead = FiniteDifference().estimate(problem, TRAIN, META, step, scale="unit")
    assert 0 < relative(found.gradients, ahead.gradients) < 1e-4


def test_nothing_moves():
    problem = make("batch_norm")
    before, rng = copy.deepcopy(problem.network.state_dict()), torch.get_rng_state()
    error(problem)
    assert all(
        torch.equal(a, b) for a, b in zip(before.values(), problem.network.state_dict().values(), strict=True)
    )
    assert torch.equal(rng, torch.get_rng_state())


class Stopping(nn.Module):
    """A second output whose target the same trunk makes without a gradient."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(0)
        self.how, self.trunk, self.head, self.guess = how, nn.Linear(3, 6), nn.Linear(6, 1), nn.Linear(6, 6)

    def forward(self, x):
        z = self.trunk(x).tanh()
        target = self.trunk(x + 0.3 * x.roll(1, 1)).tanh()
        if self.how == "network":
            target = target.detach()
        return torch.cat([self.head(z), self.guess(z), target], 1)


@pytest.mark.parametrize("how", ["network", "loss"])
@pytest.mark.parametrize("count", [1, 33])
def test_a_stopped_gradient_is_followed_as_the_real_step_follows_it(how, count):
    net = Stopping(how).double()
    x, y, meta = (torch.randn(8, k, dtype=torch.float64) for k in (3, 1, 3))
    w = torch.zeros(2, count, dtype=torch.float64, requires_grad=True)

    def criterion(out, batch):
        target = out[:, 7:].detach() if how == "loss" else out[:, 7:]
        main, second = (out[:, :1] - batch[1]).square().mean(), (out[:, 1:7] - target).square().mean()
        return w[0].exp().mean() * main + w[1].exp().mean() * second

    def outer(out, batch):
        return (out[:, :1] - batch[1]).square().mean()

    sgd = SGD(net.parameters(), lr=0.1)
    problem = BilevelProblem(net, criterion, outer, [w])
    step = InnerStep(sgd, net.parameters())
    if count > 32:
        with pytest.raises(UnsupportedError, match=r'stops, scales or replaces.*estimator="lookahead"'):
            FiniteDifference().estimate(problem, (x, y), (meta, y), step)
        return
    with pytest.warns(RuntimeWarning, match="does not follow a difference of the loss"):
        found = FiniteDifference().estimate(problem, (x, y), (meta, y), step)
    truth = differenced(net, sgd, w, lambda: criterion(net(x), (x, y)), lambda: outer(net(meta), (meta, y)))
    assert off(found.gradients[0], truth) < 1e-6
    again = FiniteDifference().estimate(problem, (x, y), (meta, y), step)  # by the verdict of the first batch
    assert off(again.gradients[0], truth) < 1e-6


def test_refusals():
    problem = make("mlp")
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(UnsupportedError, match="rounding"):
        error(problem)
    with pytest.raises(ConfigError, match="lookahead or here"):
        FiniteDifference(at="there")
    with pytest.raises(ConfigError, match="optimiser"):
        FiniteDifference().estimate(problem, TRAIN, META)
    problem.network.bfloat16()
    with pytest.raises(UnsupportedError, match="sixteen"):
        error(problem)
