"""Evolution strategies: their mean against the smoothed gradient, within four standard errors."""

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD

from auxin.errors import ConfigError
from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.evolution import Evolution
from auxin.optimizers import InnerStep
from oracles import images, make, unrolled_reference

NOTHING = (torch.zeros(1, dtype=torch.float64),)


class Point(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))

    def forward(self, x):
        return self.w + 0 * x


def quadratic():
    """Linear dynamics and a quadratic outer loss: smoothing adds a constant, so the smoothed gradient is
    the exact."""
    torch.manual_seed(0)
    matrix = torch.tensor([[1.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
    phi = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    problem = BilevelProblem(
        Point(), lambda w, _: w @ matrix @ w / 2 - w @ phi, lambda w, _: ((w - 0.3) ** 2).sum(), [phi]
    )
    optimizer = SGD(problem.network.parameters(), lr=0.2, momentum=0.5)
    return problem, optimizer, InnerStep(optimizer, problem.network.parameters())


def within_four_standard_errors(samples, expected):
    mean, error = samples.mean(0), samples.std(0) / len(samples) ** 0.5
    return bool(((mean - expected).abs() < 4 * error).all()) and bool(
        (error < 0.2 * expected.abs().max()).all()
    )


def test_mean_of_the_plain_strategy():
    problem, optimizer, step = quadratic()
    expected = unrolled_reference(problem, [NOTHING] * 3, NOTHING, optimizer)[0]
    estimator = Evolution(steps=3, pairs=4, sigma=0.1)
    samples = torch.stack(
        [estimator.estimate(problem, NOTHING, NOTHING, step).gradients[0] for _ in range(80)]
    )
    assert within_four_standard_errors(samples, expected)


def test_mean_of_the_persistent_strategy_over_a_whole_unroll():
    """Four windows of two steps: the windows' estimates add up to the gradient of the sum of their losses."""
    problem, optimizer, step = quadratic()
    windows = range(1, 5)
    expected = sum(unrolled_reference(problem, [NOTHING] * 2 * k, NOTHING, optimizer)[0] for k in windows)
    estimator = Evolution(steps=2, pairs=4, sigma=0.1, persistent=True, horizon=4)

    def episode():
        return sum(estimator.estimate(problem, NOTHING, NOTHING, step).gradients[0] for _ in windows)

    samples = torch.stack([episode() for _ in range(30)])
    assert within_four_standard_errors(samples, expected)
    truncated = Evolution(steps=2, pairs=4, sigma=0.1)
    short = torch.stack([truncated.estimate(problem, NOTHING, NOTHING, step).gradients[0] for _ in range(30)])
    assert not within_four_standard_errors(4 * short, expected)  # what persistence is for


def test_nothing_moves_and_phi_keeps_its_memory():
    problem = make("batch_norm")
    optimizer = SGD(problem.network.parameters(), lr=0.1, momentum=0.9)
    step = InnerStep(optimizer, problem.network.parameters())
    modules = [problem.network, problem.auxiliary[0]]
    before, where = copy.deepcopy([m.state_dict() for m in modules]), [p.data_ptr() for p in problem.phi]
    rng = torch.get_rng_state()
    Evolution(steps=2, pairs=2).estimate(problem, images(seed=1), images(seed=2), step)
    for module, state in zip(modules, before, strict=True):
        assert all(torch.equal(v, state[k]) for k, v in module.state_dict().items())
    assert where == [p.data_ptr() for p in problem.phi]
    assert torch.equal(rng, torch.get_rng_state())
    assert not optimizer.state


def test_masks_are_shared_within_a_pair():
    """With no influence of phi on a network with dropout, the two halves of a pair agree exactly."""
    problem = make("dropout")
    spare = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    problem = BilevelProblem(problem.network, lambda s, b: s["aux"].square().mean(), problem.outer, [spare])
    step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
    assert not Evolution(pairs=3).estimate(problem, images(seed=1), images(seed=2), step).gradients[0].any()


def test_resumed_equals_uninterrupted():
    problem, _, step = quadratic()
    options = {"steps": 2, "pairs": 2, "sigma": 0.1, "persistent": True, "horizon": 3}
    one = Evolution(**options)
    expected = [one.estimate(problem, NOTHING, NOTHING, step).gradients[0] for _ in range(5)]
    first, second = Evolution(**options), Evolution(**options, seed=5)
    found = [first.estimate(problem, NOTHING, NOTHING, step).gradients[0] for _ in range(2)]
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    found += [second.estimate(problem, NOTHING, NOTHING, step).gradients[0] for _ in range(3)]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_bad_input():
    with pytest.raises(ConfigError, match="sigma"):
        Evolution(sigma=0.0)
