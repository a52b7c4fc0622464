"""The first-batch self-check: what it finds, what it says, what is used instead, and how often it runs."""

import dataclasses
import warnings

import pytest
import torch
from torch import nn
from torch.optim import SGD

from auxin.errors import UnsupportedError
from auxin.hypergradients import BilevelProblem, _self_check, hypergradient
from auxin.hypergradients._operator import Operator, outer_off
from auxin.hypergradients.lookahead import Lookahead
from auxin.optimizers import InnerStep
from oracles import Heads, dense, images, lookahead_reference, main_loss, make, relative

TRAIN, META = images(seed=1), images(seed=2)

# Torch's own forward mode warns about itself, once per process, when it is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")


def estimate(problem, **options):
    step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
    return Lookahead(**options).estimate(problem, TRAIN, META, step)


def expected(problem):
    return lookahead_reference(problem, TRAIN, META, SGD(problem.network.parameters(), lr=0.1))


class _NoForward(torch.autograd.Function):
    """Twice the input; knows no forward mode."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


class NoForward(nn.Module):
    def forward(self, x):
        return _NoForward.apply(x)


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


class _OnceOnly(torch.autograd.Function):
    """Twice the input, whose backward cannot be differentiated."""

    forward, setup_context = _WrongForward.forward, _WrongForward.setup_context

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return 2 * grad

    @staticmethod
    def jvp(ctx, tangent):
        return 2 * tangent


class OnceOnly(nn.Module):
    def forward(self, x):
        return _OnceOnly.apply(x)


class Twice(nn.Module):
    def forward(self, x):
        return 2 * x


def with_middle(*middle):
    problem = make("mlp")
    network = Heads(dense(*middle), 16).double()
    return dataclasses.replace(problem, network=network)


@pytest.mark.parametrize("middle", [NoForward, WrongForward])
def test_falls_back_loudly(middle):
    problem = with_middle(nn.Tanh(), middle())
    reason = "forward mode is missing" if middle is NoForward else "off by .* forward mode is wrong"
    with pytest.warns(RuntimeWarning, match=f"Reverse-over-reverse is used.*{reason}"):
        found = estimate(problem)
    assert relative(found.gradients, expected(problem)) < 1e-12
    assert len(found.notes) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = estimate(problem)  # remembered, and not said twice
    assert relative(again.gradients, expected(problem)) < 1e-12
    assert again.notes == []


def test_a_silently_wrong_double_backward_is_not_asked():
    """Torch drops, without a word, what would go through a once-differentiable operation; forward mode is right."""
    problem, right = with_middle(nn.Tanh(), OnceOnly()), with_middle(nn.Tanh(), Twice())
    right.network.load_state_dict(problem.network.state_dict())
    right = dataclasses.replace(problem, network=right.network)
    found = estimate(problem)
    assert found.notes == []
    assert relative(found.gradients, expected(right)) < 1e-12
    assert relative(found.gradients, expected(problem)) > 1e-2


class Gate(nn.Module):
    """phi enters the primary network: it scales the input."""

    def __init__(self):
        super().__init__()
        self.inner, self.phi = (
            Heads(dense(nn.Tanh()), 16).double(),
            torch.ones(6, dtype=torch.float64).requires_grad_(),
        )

    def forward(self, x):
        return self.inner(x * self.phi)


def gated(terminal):
    gate = Gate()
    return BilevelProblem(
        gate,
        lambda s, b: main_loss(s, b) + s["aux"].square().mean(),
        main_loss,
        [gate.phi],
        terminal=terminal,
    )


def test_phi_inside_the_primary_network_is_found_out():
    problem = gated(terminal=True)
    with pytest.warns(RuntimeWarning, match="phi enters the primary network itself"):
        found = estimate(problem)
    assert relative(found.gradients, expected(problem)) < 1e-12


def test_phi_said_to_be_inside_the_primary_network():
    problem = gated(terminal=False)
    found = estimate(problem)
    assert relative(found.gradients, expected(problem)) < 1e-12
    assert found.notes == []


def test_a_batch_that_shows_nothing_settles_nothing():
    """Rows of zeros reach no parameter, whatever an operation's forward mode says."""
    net = nn.Sequential(nn.Linear(3, 2, bias=False), WrongForward()).double()
    phi = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    problem = BilevelProblem(
        net, lambda s, b: (s.square() * phi.exp()).sum(), lambda s, b: s.square().sum(), [phi]
    )
    step = InnerStep(SGD(net.parameters(), lr=0.1), net.parameters())
    rows = (torch.randn(4, 3, dtype=torch.float64),)
    Lookahead().estimate(problem, (torch.zeros_like(rows[0]),), rows, step)
    assert _self_check.known(problem) is None
    with pytest.warns(RuntimeWarning, match="Reverse-over-reverse is used"):
        found = Lookahead().estimate(problem, rows, rows, step)
    assert (
        relative(found.gradients, Lookahead("reverse").estimate(problem, rows, rows, step).gradients) < 1e-12
    )


def test_runs_once_per_network_and_criterion(monkeypatch):
    calls = []
    original = _self_check.examine
    monkeypatch.setattr(_self_check, "examine", lambda *a: calls.append(1) or original(*a))
    problem = make("batch_norm")
    for _ in range(3):
        estimate(problem)
    assert len(calls) == 1
    estimate(dataclasses.replace(problem, criterion=lambda s, b, c: (s["aux"] * c).sum() + main_loss(s, b)))
    assert len(calls) == 2
    estimate(make("batch_norm"), check=False)
    assert len(calls) == 2


def test_float32_passes_the_check():
    for trunk in ("batch_norm", "attention"):
        problem = make(trunk)
        problem.network.float()
        problem.auxiliary[0].float()
        batch = (TRAIN[0].float(), TRAIN[1])
        step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
        assert Lookahead().estimate(problem, batch, batch, step).notes == []


@pytest.mark.parametrize("trunk", ["batch_norm", "layer_norm", "attention"])
def test_autocast_raises_no_false_alarm_and_stays_near(trunk):
    problem = make(trunk)
    problem.network.float()
    problem.auxiliary[0].float()
    batch, meta = [(x.float(), y) for x, y in (TRAIN, META)]
    step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
    rng = torch.get_rng_state()
    exact = Lookahead().estimate(problem, batch, meta, step)
    torch.set_rng_state(rng)
    _self_check._MEMORY.forget(problem.network)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = Lookahead().estimate(problem, batch, meta, step)
    assert found.notes == []
    assert relative(found.gradients, exact.gradients) < 0.2


def test_a_compiled_network_is_the_same_network():
    problem = make("batch_norm")
    step = InnerStep(SGD(problem.network.parameters(), lr=0.1), problem.network.parameters())
    plain = Lookahead().estimate(problem, TRAIN, META, step)
    compiled = dataclasses.replace(problem, network=torch.compile(problem.network, backend="eager"))
    found = Lookahead().estimate(compiled, TRAIN, META, step)
    assert relative(found.gradients, plain.gradients) < 1e-12


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm1d, nn.LayerNorm, lambda n: nn.GroupNorm(3, n), lambda n: nn.RMSNorm(n)]
)
@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
@pytest.mark.parametrize("training", [True, False])
def test_every_norm_in_every_mode(norm, mode, training):
    problem = with_middle(norm(9), nn.GELU())
    problem.network.train(training)
    assert relative(estimate(problem, mode=mode).gradients, expected(problem)) < 1e-12


@pytest.mark.parametrize("way", ["forward", "reverse", "element"])
def test_a_mode_that_was_named_is_compared_with_the_training_step_once(way, monkeypatch):
    class Product(nn.Module):  # forward mode of this operation is zero in PyTorch 2.13
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.rand(3, dtype=torch.float64) + 0.5)

        def forward(self, x):
            index = torch.arange(6) % 3
            start = torch.ones(len(x), 3, dtype=x.dtype)
            doubled = (x * self.scale).repeat(1, 2)
            return start.scatter_reduce(1, index.expand(len(x), -1), doubled, "prod")

    torch.manual_seed(0)
    net, w = Product(), torch.zeros((), dtype=torch.float64, requires_grad=True)
    problem = BilevelProblem(net, lambda s, b: w.exp() * s.pow(2).mean(), lambda s, b: s.mean(), [w])
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    batch = (torch.rand(4, 3, dtype=torch.float64) + 0.5,)
    if way == "forward":
        with pytest.raises(UnsupportedError, match="mode 'forward' does not give"):
            hypergradient(problem, batch, optimizer=sgd, mode=way)
        hypergradient(problem, batch, optimizer=sgd, mode=way, check=False)
        return
    calls = []
    own = Operator.__init__
    monkeypatch.setattr(Operator, "__init__", lambda *a, **k: calls.append(1) or own(*a, **k))
    found = [hypergradient(problem, batch, optimizer=sgd, mode=way).gradients[0] for _ in range(2)]
    assert len(calls) == 1
    other = hypergradient(problem, batch, optimizer=sgd, mode="reverse", check=False).gradients[0]
    assert all(abs(float(g - other)) < 1e-12 for g in found)


@pytest.mark.parametrize("way", ["forward", "element"])
def test_a_mode_that_was_named_is_refused_where_phi_is_in_the_network(way):
    gate = torch.zeros((), dtype=torch.float64, requires_grad=True)
    net = nn.Linear(3, 1).double()
    net.forward = lambda x, own=net.forward: own(x) * gate.exp()
    problem = BilevelProblem(net, lambda s, b: s.pow(2).mean(), lambda s, b: s.mean(), [gate])
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(UnsupportedError, match="phi enters the primary network"):
        hypergradient(problem, (torch.randn(4, 3, dtype=torch.float64),), optimizer=sgd, mode=way)


class _Kinks(nn.Module):
    """w with a kink of a twentieth of its slope at w = 3e-7; `through` replaces its gradient by that of 1.3 w."""

    def __init__(self, through: bool) -> None:
        super().__init__()
        self.weight, self.through = nn.Parameter(torch.zeros(1, dtype=torch.float64)), through

    def forward(self, x):
        w = self.weight * x
        w = w + 0.05 * torch.relu(w - 3e-7)
        return 1.3 * w - 0.3 * w.detach() if self.through else w


@pytest.mark.parametrize("through", [False, True])
def test_a_kink_close_to_the_parameters_is_no_replaced_gradient(through):
    phi = torch.ones((), dtype=torch.float64, requires_grad=True)
    net = _Kinks(through)
    problem = BilevelProblem(net, lambda s, b: phi * s.pow(2).sum(), lambda s, b: s.sum() + 1.0, [phi])
    rows = (torch.ones(1, dtype=torch.float64),)
    off = outer_off(
        problem, [torch.zeros(1, dtype=torch.float64)], [torch.full((1,), 1.3 if through else 1.0)], rows
    )
    assert off > 0.2 if through else off < 1e-6
