"""The look-ahead's promises: closed form, central differences, neutrality, reuse, buffers, bad input."""

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam

from auxin import BilevelProblem, hypergradient, training_gradient
from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients import TrainingGradient
from auxin.hypergradients.lookahead import Lookahead
from auxin.optimizers import InnerStep
from oracles import Heads, dense, doubles, images, lookahead_reference, main_loss, make, relative, warm

TRAIN, META = images(seed=1), images(seed=2)


class Point(nn.Module):
    """A network whose signals are its parameters."""

    def __init__(self, size):
        super().__init__()
        self.w = nn.Parameter(torch.randn(size, dtype=torch.float64))

    def forward(self, x):
        return self.w + 0 * x


def estimate(problem, optimizer, **options):
    return Lookahead(**options).estimate(
        problem, TRAIN, META, InnerStep(optimizer, problem.network.parameters())
    )


def test_closed_form_quadratic():
    """L_T = w'Aw/2 - w'B phi, L_A = |w - c|^2/2 + |phi|^2/2: dL_A/dphi = a B'(w - a(Aw - B phi) - c) +
    phi."""
    torch.manual_seed(0)
    n, m, a = 7, 4, 0.13
    root, b, c = (
        torch.randn(n, n, dtype=torch.float64),
        torch.randn(n, m, dtype=torch.float64),
        torch.randn(n).double(),
    )
    matrix, network = root @ root.T, Point(n)
    phi = torch.randn(m, dtype=torch.float64, requires_grad=True)
    problem = BilevelProblem(
        network,
        lambda w, _: w @ matrix @ w / 2 - w @ b @ phi,
        lambda w, _: ((w - c) ** 2).sum() / 2,
        [phi],
        regulariser=lambda _: (phi**2).sum() / 2,
    )
    w, q = network.w.detach(), phi.detach()
    expected = a * b.T @ (w - a * (matrix @ w - b @ q) - c) + q
    zero = (torch.zeros(1, dtype=torch.float64),)
    for mode in ("auto", "forward", "reverse"):
        step = InnerStep(SGD(network.parameters(), lr=a), network.parameters())
        found = Lookahead(mode=mode).estimate(problem, zero, zero, step)
        assert relative(found.gradients, [expected]) < 1e-10
        unit = Lookahead(mode=mode).estimate(problem, zero, zero, step, scale="unit")
        assert relative(unit.gradients, [(expected - q) / a + q]) < 1e-10
        assert unit.unit == a


@pytest.mark.parametrize("kind", ["soft_labels", "combiner"])
def test_central_differences_over_phi(kind):
    """The definition itself: move phi a little, take the optimiser's own step, look at the outer loss."""
    problem = make("mlp", kind)
    network = problem.network
    optimizer = Adam(network.parameters(), lr=0.05)
    with doubles():
        warm(optimizer)
    start, state = copy.deepcopy(network.state_dict()), copy.deepcopy(optimizer.state_dict())
    direction = [torch.randn_like(p) for p in problem.phi]

    def outer(t):
        network.load_state_dict(start)
        optimizer.load_state_dict(copy.deepcopy(state))
        with torch.no_grad():
            for p, d in zip(problem.phi, direction, strict=True):
                p.add_(d, alpha=t)
        context = problem.context(TRAIN) if problem.context else None
        problem.training_loss(network(TRAIN[0]), TRAIN, context).backward()
        optimizer.step()
        optimizer.zero_grad()
        value = main_loss(network(META[0]), META).detach() + (
            0 if context is None else problem.direct(context).detach()
        )
        with torch.no_grad():
            for p, d in zip(problem.phi, direction, strict=True):
                p.add_(d, alpha=-t)
        return float(value)

    h = 1e-5
    slope = (outer(h) - outer(-h)) / (2 * h)
    network.load_state_dict(start)
    optimizer.load_state_dict(state)
    found = hypergradient(problem, TRAIN, META, optimizer=optimizer)
    along = sum(float((g * d).sum()) for g, d in zip(found.gradients, direction, strict=True))
    assert along == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("trunk", ["batch_norm", "dropout", "attention"])
@pytest.mark.parametrize("fused", [False, True])
def test_nothing_moves(trunk, fused):
    problem = make(trunk)
    network, generator = problem.network, problem.auxiliary[0]
    optimizer = Adam(network.parameters(), lr=0.1)
    warm(optimizer)
    step = InnerStep(optimizer, network.parameters())
    gradient = training_gradient(problem, TRAIN) if fused else None
    before = copy.deepcopy((network.state_dict(), optimizer.state_dict(), dict(generator.named_parameters())))
    rng, objects = torch.get_rng_state(), [id(b) for b in network.buffers()]
    Lookahead().estimate(problem, TRAIN, META, step, gradient)
    after = (network.state_dict(), optimizer.state_dict(), dict(generator.named_parameters()))
    assert all(torch.equal(a, b) for a, b in zip(before[0].values(), after[0].values(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before[2].values(), after[2].values(), strict=True))
    for key, state in before[1]["state"].items():
        assert all(torch.equal(x, after[1]["state"][key][k]) for k, x in state.items())
    assert torch.equal(rng, torch.get_rng_state())
    assert objects == [id(b) for b in network.buffers()]
    assert network.training
    assert all(p.grad is None for p in [*network.parameters(), *generator.parameters()])


@pytest.mark.parametrize("trunk", ["mlp", "batch_norm", "dropout", "attention"])
def test_reusing_the_training_gradient_changes_nothing(trunk):
    problem = make(trunk)
    step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
    rng = torch.get_rng_state()
    unfused = Lookahead().estimate(problem, TRAIN, META, step)
    torch.set_rng_state(rng)
    fused = Lookahead().estimate(problem, TRAIN, META, step, training_gradient(problem, TRAIN))
    assert relative(fused.gradients, unfused.gradients) < 1e-15
    assert torch.equal(fused.outer_loss, unfused.outer_loss)


def test_training_gradient_is_the_training_steps_own():
    problem = make("batch_norm")
    twin = copy.deepcopy(problem.network)
    targets = copy.deepcopy(problem.context)(TRAIN).detach()
    loss = problem.criterion(twin(TRAIN[0]), TRAIN, targets)
    loss.backward()
    found = training_gradient(problem, TRAIN)
    assert torch.equal(found.loss, loss.detach())
    assert relative(found.gradients, [p.grad for p in twin.parameters()]) < 1e-15
    for own, other in zip(problem.network.buffers(), twin.buffers(), strict=True):
        assert torch.equal(own, other)  # moved once
    assert not found.loss.requires_grad
    assert not any(s.requires_grad for s in found.signals.values())
    assert not any(g.requires_grad for g in found.gradients)


def test_the_auxiliary_networks_buffers_move_once_in_a_meta_step_only():
    problem = make("mlp")
    generator = problem.auxiliary[0]
    twin = copy.deepcopy(generator)
    start = copy.deepcopy(generator.state_dict())
    gradient = training_gradient(problem, TRAIN)
    training_gradient(problem, META, keep_graph=False)
    assert all(
        torch.equal(a, b) for a, b in zip(start.values(), generator.state_dict().values(), strict=True)
    )
    twin(TRAIN)
    for given in (gradient, None):
        with torch.no_grad():
            for name, buffer in generator.named_buffers():
                buffer.copy_(start[name])
        step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
        Lookahead().estimate(problem, TRAIN, META, step, given)
        assert all(torch.equal(a, b) for a, b in zip(generator.buffers(), twin.buffers(), strict=True))


def test_parameters_that_a_loss_does_not_reach_are_zeros():
    problem = make("mlp")
    only_aux = dataclasses.replace(problem, outer=lambda s, b: s["aux"].square().mean())
    for case in (problem, only_aux):
        optimizer = SGD(case.network.parameters(), lr=0.1)
        assert (
            relative(estimate(case, optimizer).gradients, lookahead_reference(case, TRAIN, META, optimizer))
            < 1e-12
        )


def test_phi_without_influence_is_zeros_and_a_generator_of_parameters_will_do():
    problem = make("mlp")
    spare = torch.zeros(2, requires_grad=True)
    wider = dataclasses.replace(problem, phi=(p for p in [*problem.phi, spare]))
    found = hypergradient(wider, TRAIN, META, optimizer=SGD(problem.network.parameters(), lr=0.1))
    assert len(found.gradients) == len(tuple(problem.phi)) + 1
    assert torch.equal(found.gradients[-1], torch.zeros(2))
    ignored = BilevelProblem(problem.network, main_loss, main_loss, [spare])
    found = hypergradient(ignored, TRAIN, optimizer=SGD(problem.network.parameters(), lr=0.1))
    assert torch.equal(found.gradients[0], torch.zeros(2))


def test_frozen_parameters_of_the_primary_network():
    problem = make("batch_norm")
    for p in problem.network.trunk[0].parameters():
        p.requires_grad_(False)
    optimizer = SGD([p for p in problem.network.parameters() if p.requires_grad], lr=0.1)
    expected = lookahead_reference(problem, TRAIN, META, optimizer)
    assert relative(hypergradient(problem, TRAIN, META, optimizer=optimizer).gradients, expected) < 1e-12


def test_influence_adds_up_to_the_slope():
    problem = make("dropout", "combiner")
    found = hypergradient(problem, TRAIN, META, optimizer=SGD(problem.network.parameters(), lr=0.1))
    assert found.influence.shape == (6,)
    # <p, grad L_T> with p = lr * v
    gradient = training_gradient(problem, TRAIN)
    assert torch.isfinite(found.influence).all()
    assert isinstance(gradient, TrainingGradient)


def test_bad_input_is_named():
    problem = make("mlp")
    optimizer = SGD(problem.network.parameters(), lr=0.1)
    with pytest.raises(ConfigError, match="needs the optimiser"):
        hypergradient(problem, TRAIN)
    with pytest.raises(ConfigError, match="raw or unit"):
        hypergradient(problem, TRAIN, optimizer=optimizer, scale="half")
    with pytest.raises(ConfigError, match="Did you mean 'lookahead'"):
        hypergradient(problem, TRAIN, optimizer=optimizer, estimator="look_ahead")
    with pytest.raises(ConfigError, match="keep_graph"):
        hypergradient(
            problem, TRAIN, optimizer=optimizer, gradient=training_gradient(problem, TRAIN, keep_graph=False)
        )
    with pytest.raises(ConfigError, match="mode"):
        Lookahead(mode="sideways")
    with pytest.raises(ConfigError, match="phi"):
        dataclasses.replace(problem, phi=[torch.zeros(1)])
    with pytest.raises(UnsupportedError, match="LBFGS"):
        hypergradient(problem, TRAIN, optimizer=torch.optim.LBFGS(problem.network.parameters()))


def test_nested_signals_and_extra_leaves():
    """Signals may be nested and hold what is not a float."""
    network = Heads(dense(nn.Tanh()), 16).double()

    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network

        def forward(self, x):
            out = self.inner(x)
            return {"a": (out["main"], [out["aux"]]), "count": torch.arange(6), "name": "n"}

    weights = torch.randn(6, dtype=torch.float64, requires_grad=True)
    problem = BilevelProblem(
        Nested(),
        lambda s, b: (weights * s["a"][1][0].square().sum(1)).mean() + main_loss({"main": s["a"][0]}, b),
        lambda s, b: main_loss({"main": s["a"][0]}, b),
        [weights],
    )
    optimizer = SGD(problem.network.parameters(), lr=0.1)
    expected = lookahead_reference(problem, TRAIN, META, optimizer)
    assert relative(estimate(problem, optimizer).gradients, expected) < 1e-12
