"""The finite-difference look-ahead: how far off over a sweep of radii, shared masks, refusals."""

import copy

import pytest
import torch
from torch.optim import SGD

from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.optimizers import InnerStep
from oracles import images, lookahead_reference, make, relative

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
