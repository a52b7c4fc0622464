"""Losses that take a derivative themselves, or call the network again: every estimator is the real step's."""

import pytest
import torch
from step_cases import ESTIMATORS, Case, Net
from torch import nn

from real_step import off

pytestmark = [
    pytest.mark.filterwarnings("ignore:One backward pass for each:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Reverse-over-reverse is used:RuntimeWarning"),
]


class Noisy(Net):
    def made(self):
        self.norm, self.drop = nn.BatchNorm1d(6), nn.Dropout(0.3)

    def head(self, h):
        return self.b(self.drop(self.norm(h)))


class TwoPasses(Case):
    """As R-Drop: two passes of one batch under two masks."""

    def criterion(self, out, batch):
        return super().criterion(out, batch) + (out - self.net(batch[0])).pow(2).mean() * self.w[1].exp()


class Adversarial(Case):
    """Virtual adversarial training: the outputs are a constant target at an input that is moved."""

    def criterion(self, out, batch):
        along = torch.full_like(batch[0], 0.1).requires_grad_()
        apart = (self.net(batch[0] + along) - out.detach()).pow(2).mean()
        (slope,) = torch.autograd.grad(apart, along)
        away = self.net(batch[0] + slope / slope.norm())
        return super().criterion(out, batch) + (away - out.detach()).pow(2).mean() * self.w[1].exp()


class InputGradient(Case):
    """A penalty on the derivative of the outputs by the inputs, which were made to require one before the pass."""

    def criterion(self, out, batch):
        (slope,) = torch.autograd.grad(out[:, 0].sum(), batch[0], create_graph=True)
        return super().criterion(out, batch) + slope.pow(2).sum() * self.w[1].exp()

    def loss(self):
        self.train[0].requires_grad_()
        return super().loss()


@pytest.mark.parametrize("options", ESTIMATORS)
@pytest.mark.parametrize(("kind", "net"), [(TwoPasses, Noisy), (Adversarial, Net), (InputGradient, Net)])
def test_a_loss_that_looks_at_the_network_again(kind, net, options):
    case = kind(net())
    torch.manual_seed(7)  # where the truth's training pass begins
    found = case.found(**options)
    assert off(found, case.truth()) < 1e-6
