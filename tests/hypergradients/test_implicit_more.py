"""The implicit estimator where a labeler draws random numbers, gradients are at hand, or forward mode is wrong."""

import pytest
import torch
from torch import nn

import oracles
from auxin.hypergradients import training_gradient
from auxin.hypergradients.implicit import Implicit

OPTIONS = {"alpha": 0.05, "power_steps": 0}


class _WrongForward(torch.autograd.Function):
    """Twice the input, but its forward mode says three times."""

    @staticmethod
    def forward(x):
        return 2 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad

    @staticmethod
    def jvp(ctx, tangent):
        return 3 * tangent


class WrongForward(nn.Module):
    def forward(self, x):
        return _WrongForward.apply(x)


class RightTwin(nn.Module):
    def forward(self, x):
        return 2 * x


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_wrong_forward_mode_is_found_and_not_used() -> None:
    train, meta = oracles.images(seed=1), oracles.images(seed=2)
    found = []
    for layer in (RightTwin(), WrongForward()):
        problem = oracles.make("mlp")
        problem.network.trunk.append(layer)
        estimator = Implicit("neumann", **OPTIONS)
        if isinstance(layer, WrongForward):
            with pytest.warns(RuntimeWarning, match="forward mode is wrong"):
                found.append(estimator.estimate(problem, train, meta).gradients)
        else:
            found.append(estimator.estimate(problem, train, meta).gradients)
    assert oracles.relative(found[1], found[0]) < 1e-12


def test_the_labelers_dropout_masks_are_those_of_the_products() -> None:
    train, meta = oracles.images(seed=1), oracles.images(seed=2)
    problem = oracles.make("mlp")
    problem.auxiliary[0].net.insert(4, nn.Dropout(0.5))
    found = []
    for given in (False, True):
        torch.manual_seed(5)
        gradient = training_gradient(problem, train) if given else None
        torch.manual_seed(5)
        found.append(
            Implicit("neumann", **OPTIONS).estimate(problem, train, meta, gradient=gradient).gradients
        )
    assert oracles.relative(found[0], found[1]) < 1e-12


def test_a_subsample_makes_its_own_training_gradient() -> None:
    problem, train, meta = oracles.make("mlp"), oracles.images(6), oracles.images(6, seed=1)
    small = Implicit("neumann", subsample=4, **OPTIONS)
    whole = training_gradient(problem, train)
    given = small.estimate(problem, train, meta, gradient=whole).gradients
    assert oracles.relative(given, small.estimate(problem, train, meta).gradients) == 0.0
