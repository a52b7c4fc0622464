"""Reverse-over-reverse refuses a network whose double backward torch would silently leave a part of."""

import pytest
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.optim import SGD

import oracles
from auxin import hypergradient
from auxin.errors import UnsupportedError


class _Once(torch.autograd.Function):
    """A cube, whose backward cannot be differentiated."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


class Once(nn.Module):
    def forward(self, x):
        return _Once.apply(x)


def test_reverse_over_reverse_is_strict() -> None:
    problem = oracles.make("mlp")
    problem.network.trunk.append(Once())
    sgd = SGD(problem.network.parameters(), lr=0.1)
    with pytest.raises(UnsupportedError, match="no double backward"):
        hypergradient(problem, oracles.images(), optimizer=sgd, mode="reverse")
