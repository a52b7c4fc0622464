"""Losses that read or write the network's own buffers find them as the pass before left them, and leave them alone."""

import pytest
import torch
from step_cases import ESTIMATORS, Case, D, Net
from torch import nn

from real_step import off

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


class Bank(Net):
    """The loss writes the outputs into a queue and compares with what stands there."""

    def made(self):
        self.register_buffer("bank", torch.linspace(-1, 1, 12))
        self.register_buffer("place", torch.zeros(1, dtype=torch.long))

    def loss(self, out, y):
        found = (out[:, None] - self.bank.clone() - y[:, None]).pow(2).mean(1)
        at = int(self.place)
        self.bank[at : at + 4] = out.detach()[:4]
        self.place.fill_((at + 4) % 12)
        return found


class Rebound(Net):
    """The loss binds the buffer anew."""

    def made(self):
        self.register_buffer("centre", torch.zeros(()))

    def loss(self, out, y):
        self.centre = 0.5 * self.centre + 0.5 * out.detach().mean()
        return (out - self.centre - y).pow(2)


class Centre(Net):
    """The pass moves a centre, and the loss reads it."""

    def made(self):
        self.register_buffer("centre", torch.zeros(()))

    def head(self, h):
        out = self.b(h)
        self.moved(out.detach().mean())
        return out

    def moved(self, mean):
        self.centre.mul_(0.5).add_(mean, alpha=0.5)

    def loss(self, out, y):
        return (out - self.centre.clone() - y).pow(2)


class Plain(Centre):
    """The same in a plain attribute."""

    def made(self):
        self.centre = torch.zeros((), dtype=D)

    def moved(self, mean):
        self.centre = 0.5 * self.centre + 0.5 * mean


class Statistics(Net):
    """The loss matches running statistics."""

    momentum: float | None = 0.5

    def made(self):
        self.norm = nn.BatchNorm1d(6, momentum=self.momentum)

    def head(self, h):
        return self.b(self.norm(h))

    def loss(self, out, y):
        count = self.norm.num_batches_tracked.clone()
        return (
            out - self.norm.running_mean.clone().sum() - self.norm.running_var.clone().sum() / count - y
        ).pow(2)


class Cumulative(Statistics):
    momentum = None


class ReadLater(Statistics):
    """The pass itself reads them, for the output of the second loss."""

    def head(self, h):
        out = self.b(self.norm(h))
        read = self.norm.running_mean.clone().sum() + self.norm.running_var.clone().sum()
        return torch.stack((out[:, 0], out[:, 1] + read), 1)

    def loss(self, out, y):
        return (out - y).pow(2)


class OfNetwork(Case):
    def criterion(self, out, batch):
        first = (out - batch[1])[:, 0].pow(2).mean() * self.w[0].exp()
        return first + self.net.loss(out[:, 1], batch[1][:, 1]).mean() * self.w[1].exp()


@pytest.mark.parametrize("kind", [Bank, Rebound, Centre, Statistics, Cumulative, ReadLater])
@pytest.mark.parametrize("options", ESTIMATORS, ids=["lookahead", "finite_difference", "unrolled"])
def test_the_estimate_is_the_real_steps_and_the_buffers_stay(kind, options):
    case = OfNetwork(kind())
    before = [(b, b.clone()) for b in case.net.buffers()]
    found = [case.found(**options) for _ in range(2)]
    assert all(
        own is b and torch.equal(own, was) for b, (own, was) in zip(case.net.buffers(), before, strict=True)
    )
    truth = case.truth()
    assert max(off(each, truth) for each in found) < 1e-6


@pytest.mark.parametrize("curvature", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("solver", ["identity", "dense"])
def test_implicit_reads_a_buffer_as_an_attribute(curvature, solver):
    options = {"estimator": "implicit", "curvature": curvature, "solver": solver}
    one, other = (OfNetwork(kind()).found(**options) for kind in (Centre, Plain))
    torch.testing.assert_close(one, other)
