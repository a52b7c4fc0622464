"""Evolution strategies: their mean against the smoothed gradient, within four standard errors."""

import copy

import pytest
import torch
from torch import nn
from torch.optim import SGD

from auxin.errors import ConfigError
from auxin.hypergradients import BilevelProblem, hypergradient
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
    before, where = copy.deepcopy(problem.network.state_dict()), [p.data_ptr() for p in problem.phi]
    values = [p.detach().clone() for p in problem.phi]
    rng = torch.get_rng_state()
    Evolution(steps=2, pairs=2).estimate(problem, images(seed=1), images(seed=2), step)
    assert all(torch.equal(v, before[k]) for k, v in problem.network.state_dict().items())
    assert all(map(torch.equal, problem.phi, values))
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


@pytest.mark.parametrize("scale", ["raw", "unit"])
def test_what_depends_on_phi_directly_is_exact_and_never_scaled(scale):
    """R draws random numbers, as dropout in a labeler does, and the labeler's buffers move once."""
    net, labeler = nn.Linear(2, 1).double(), nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).double()
    batch, start = (torch.randn(6, 2, dtype=torch.float64),), copy.deepcopy(labeler.state_dict())
    found, moved = {}, {}
    for part in ("all", "indirect"):
        labeler.load_state_dict(start)
        problem = BilevelProblem(
            net,
            lambda s, b, c: (s - c).pow(2).mean(),
            lambda s, b: s.sum(),
            labeler.parameters(),
            context=lambda b: labeler(b[0]),
            regulariser=(lambda c: (torch.rand_like(c) * c).sum()) if part == "all" else None,
            auxiliary=[labeler],
        )
        torch.manual_seed(3)
        sgd = SGD(net.parameters(), 0.01)
        found[part] = hypergradient(
            problem, batch, optimizer=sgd, estimator="evolution", scale=scale, steps=1
        ).gradients
        moved[part] = labeler[1].running_mean.clone()
    torch.manual_seed(3)
    labeler.load_state_dict(start)
    targets = labeler(batch[0])
    exact = torch.autograd.grad((torch.rand_like(targets) * targets).sum(), list(labeler.parameters()))
    for whole, rest, expected in zip(found["all"], found["indirect"], exact, strict=True):
        torch.testing.assert_close(whole - rest, expected)
    assert all(torch.equal(value, labeler[1].running_mean) for value in moved.values())
