"""Targets that are constants of one step and move with the next: each estimator follows the real steps, or says so."""

import warnings

import pytest
import torch
from test_real_loops import Case, Target, mlp
from torch import nn
from torch.optim import SGD

from auxin.errors import UnsupportedError
from auxin.hypergradients import BilevelProblem, _stopped, hypergradient
from real_step import Reversed, differenced, off

D = torch.float64


class Reversing(nn.Module):
    """A layer that scales gradients on their way back: no loss has them, and no double backward is their derivative."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.second(Reversed.apply(self.first(x).tanh()))


def truth(case, steps):
    return differenced(
        case.net, case.optimizer, case.w,
        lambda: case.criterion(case.net(case.train[0]), case.train),
        lambda: case.outer(case.net(case.meta[0]), case.meta),
        steps=steps,
    )  # fmt: skip


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize("how", ["no_grad", "detach"])
def test_an_unroll_follows_a_target_from_step_to_step(how, optimizer):
    case = Case(Target(how), optimizer)
    with pytest.warns(RuntimeWarning, match="Two unrolls for each element of phi"):
        found = case.found(estimator="unrolled", steps=3)
    assert off(found, truth(case, 3)) < 1e-8
    assert (
        off(case.found(estimator="unrolled", steps=3), truth(case, 3)) < 1e-8
    )  # by the verdict of the first batch
    assert off(case.found(estimator="unrolled", steps=1), truth(case, 1)) < 1e-7


class Shifted(Case):
    """A training loss whose value has a term that its gradient lacks, and double backward need not follow."""

    def criterion(self, out, batch):
        loss = super().criterion(out, batch)
        return loss + 2 * loss.detach()


@pytest.mark.parametrize("kind", [Case, Shifted])
def test_an_unroll_without_such_a_target_is_the_recursion(kind):
    case = kind(mlp())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = case.found(estimator="unrolled", steps=3)
    assert off(found, truth(case, 3)) < 1e-7


def test_reversed_gradients_are_followed_by_differences():
    case = Case(Reversing())
    with pytest.warns(RuntimeWarning, match="Two unrolls for each element of phi"):
        found = case.found(estimator="unrolled", steps=3)
    assert off(found, truth(case, 3)) < 1e-6


class Wide(Case):
    """The same with a phi of many elements."""

    def __init__(self, net):
        super().__init__(net)
        self.w = torch.zeros(2, 40, dtype=D, requires_grad=True)

    def criterion(self, out, batch):
        return (
            (out - batch[1]).pow(2).mean(0) * (self.w.mean(1) if self.w.dim() > 1 else self.w).exp()
        ).sum()


def test_an_unroll_that_cannot_follow_is_refused():
    with pytest.raises(UnsupportedError, match=r'stops, scales or replaces.*estimator="lookahead"'):
        Wide(Target("no_grad")).found(estimator="unrolled", steps=2)
    Wide(Target("no_grad")).found(estimator="unrolled", steps=1)


def test_in_float32_it_warns():
    net, w = Target("detach").float(), torch.zeros(2, 40, requires_grad=True)
    train, meta = ((torch.randn(8, 3), torch.randn(8, 2)) for _ in range(2))
    problem = BilevelProblem(
        net,
        lambda out, batch: ((out - batch[1]).pow(2).mean(0) * w.mean(1).exp()).sum(),
        lambda out, batch: (out - batch[1])[:, 0].pow(2).mean(),
        [w],
    )
    with torch.no_grad():
        net.guess.weight.mul_(5)
    with pytest.warns(RuntimeWarning, match=r"rounds it away.*estimator='unrolled' does not follow"):
        hypergradient(
            problem, train, meta, optimizer=SGD(net.parameters(), 0.1), estimator="unrolled", steps=2
        )


def test_an_implicit_estimate_says_that_its_target_stands_still():
    case = Case(Target("no_grad"))
    with pytest.warns(RuntimeWarning, match="leaves out how a stopped target"):
        case.found(estimator="implicit", damping=1.0)
    for net, options in ((Target("no_grad"), {"solver": "identity"}), (mlp(), {"damping": 1.0})):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="The curvature")
            Case(net).found(estimator="implicit", **options)


def test_an_examination_without_a_verdict_ends(monkeypatch):
    looked = []
    monkeypatch.setattr(_stopped._Field, "loss_off", lambda self: looked.append(1))
    monkeypatch.setattr(_stopped._Field, "gradient_off", lambda self: None)
    case = Case(mlp())
    for _ in range(_stopped.LOOKS + 2):
        case.found(estimator="implicit", damping=1.0)
    assert len(looked) == _stopped.LOOKS


def test_evolution_takes_the_real_steps():
    case, sigma = Case(Target("no_grad")), 1e-4
    found = case.found(estimator="evolution", steps=3, pairs=1, sigma=sigma)
    drawn = torch.randn(2, generator=torch.Generator().manual_seed(0), dtype=D)
    assert off(found, drawn * (truth(case, 3) @ drawn)) < 1e-6


class Swish(torch.autograd.Function):
    """As memory-efficient networks write it: the sigmoid is kept, so a second derivative takes it for a constant."""

    @staticmethod
    def forward(ctx, x):
        sigmoid = x.sigmoid()
        ctx.save_for_backward(x, sigmoid)
        return x * sigmoid

    @staticmethod
    def backward(ctx, grad):
        x, sigmoid = ctx.saved_tensors
        return grad * sigmoid * (1 + x * (1 - sigmoid))


class Equilibrium(Reversing):
    """A deep equilibrium model: a hook solves for the gradient at the fixed point."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(6, 6)
        with torch.no_grad():
            self.inner.weight.mul_(0.3)

    def forward(self, x):
        x = self.first(x)
        with torch.no_grad():
            z = torch.zeros_like(x)
            for _ in range(60):
                z = (self.inner(z) + x).tanh()
        z = (self.inner(z) + x).tanh()
        again = z.detach().requires_grad_()
        with torch.enable_grad():
            step = (self.inner(again) + x).tanh()

        def solve(grad):
            found = grad
            for _ in range(60):
                found = torch.autograd.grad(step, again, found, retain_graph=True)[0] + grad
            return found

        if z.requires_grad:
            z.register_hook(solve)
        return self.second(z)


class Memory(Reversing):
    def forward(self, x):
        return self.second(Swish.apply(3 * self.first(x)))


@pytest.mark.filterwarnings("ignore:(One backward pass|Reverse-over-reverse):RuntimeWarning")
@pytest.mark.parametrize("kind", [Memory, Equilibrium])
def test_gradients_that_are_right_but_have_no_right_derivative(kind):
    case = Case(kind())
    assert off(case.found(), truth(case, 1)) < 1e-6
    with pytest.warns(RuntimeWarning, match="Two unrolls for each element of phi"):
        found = case.found(estimator="unrolled", steps=3)
    assert off(found, truth(case, 3)) < 1e-6
    with pytest.warns(RuntimeWarning, match="a hook or a function computes"):
        Case(kind()).found(estimator="implicit", damping=1.0)


@pytest.mark.filterwarnings("ignore:Two unrolls:RuntimeWarning")
@pytest.mark.parametrize("kind", [Memory, Equilibrium])
def test_one_step_of_them(kind):
    case = Case(kind())
    assert off(case.found(estimator="unrolled", steps=1), truth(case, 1)) < 1e-6


def test_a_hook_on_an_activation_is_looked_at_in_float32_too():
    net, w = Equilibrium().float(), torch.zeros(2, requires_grad=True)
    train, meta = ((torch.randn(8, 3), torch.randn(8, 2)) for _ in range(2))
    problem = BilevelProblem(
        net,
        lambda out, batch: ((out - batch[1]).pow(2).mean(0) * w.exp()).sum(),
        lambda out, batch: (out - batch[1])[:, 0].pow(2).mean(),
        [w],
    )
    with pytest.warns(RuntimeWarning, match="Two unrolls for each element of phi"):
        hypergradient(
            problem, train, meta, optimizer=SGD(net.parameters(), 0.1), estimator="unrolled", steps=2
        )
