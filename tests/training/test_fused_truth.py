"""The fused step's hypergradient is that of the training step it takes, whatever networks and losses keep."""

import random

import pytest
import torch
from torch import nn

from auxin.combiners.linear import Linear
from auxin.hypergradients import BilevelProblem, hypergradient, training_gradient
from auxin.hypergradients.evolution import Evolution
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.implicit import Implicit
from auxin.hypergradients.lookahead import Lookahead
from auxin.hypergradients.unrolled import Unrolled
from auxin.training.following import following_step
from auxin.training.objective import Objective
from auxin.training.steps import Learner
from auxin.typing import Batch
from real_step import differenced, off

D = torch.float64
COUNT = 0


class Net(nn.Module):
    """Two heads on a trunk, which may keep something itself."""

    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.kind = nn.Linear(3, 6), kind
        self.heads = nn.ModuleDict({name: nn.Linear(6, 1) for name in ("main", "aux")})
        self.register_buffer("mean", torch.zeros(6))
        self.calls, self.seen = 0, None
        if kind == "spectral":
            nn.utils.parametrizations.spectral_norm(self.trunk)
        self.double()

    def forward(self, x):
        h = self.trunk(x).tanh()
        if self.kind == "centre":
            self.mean.mul_(0.5).add_(0.5 * h.detach().mean(0))
            h = h - self.mean
        if self.kind == "rebound":
            self.mean = 0.5 * self.mean + 0.5 * h.detach().mean(0)
            h = h - self.mean
        if self.kind == "counter":
            self.calls += 1
            h = h * (1 + 1 / self.calls)
        if self.kind == "python":
            h = h * (1 + random.random())
        if self.kind == "features":
            self.seen = h.detach()
        return {name: head(h)[:, 0] for name, head in self.heads.items()}


class Loss(nn.Module):
    """Squares, around what the loss keeps."""

    def __init__(self, kind, net):
        super().__init__()
        self.kind, self.calls, self.mean, self.net = kind, 0, torch.zeros((), dtype=D), [net]
        self.register_buffer("centre", torch.zeros((), dtype=D))
        self.generator = torch.Generator().manual_seed(3)

    def forward(self, out, y):
        global COUNT
        now = 0.5 * out.detach().mean()
        if self.kind == "buffer":
            self.centre.mul_(0.5).add_(now)
            out = out - self.centre
        if self.kind == "renewed":
            self.centre = 0.5 * self.centre + now
            out = out - self.centre
        if self.kind == "attribute":
            self.mean = 0.5 * self.mean + now
            out = out - self.mean
        if self.kind == "counts":
            self.calls += 1
            out = out * (1 + 1 / self.calls)
        if self.kind == "global":
            COUNT += 1
            out = out * (1 + 1 / COUNT)
        if self.kind == "generator":
            out = out * torch.rand((), generator=self.generator, dtype=D)
        if self.kind == "drawn":
            out = out * torch.rand(out.shape, dtype=D)
        if self.kind == "features":
            out = out - self.net[0].seen.mean()
        return (out - y).pow(2)


NETWORKS = ("spectral", "centre", "rebound", "counter", "python")
LOSSES = ("buffer", "renewed", "attribute", "counts", "global", "generator", "drawn", "features")


def scene(kind):
    """The learner, its two batches, and a function that returns what is kept, to be compared and put back."""
    global COUNT
    COUNT = 0
    net = Net(kind)
    loss = Loss(kind, net)
    tasks = {"main": lambda out, y: (out - y).pow(2), "aux": loss}
    objective = Objective(tasks, None, Linear(2).double())
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1, momentum=0.9)
    meta = torch.optim.SGD(objective.phi(), 0.0)
    learner = Learner(net, objective, optimizer, Lookahead(), meta, scale="raw")
    torch.manual_seed(1)
    random.seed(1)
    batches = [
        Batch(torch.randn(n, 3, dtype=D), {k: torch.randn(n, dtype=D) for k in tasks}, torch.arange(n))
        for n in (8, 5)
    ]
    return learner, loss, batches


def kept(learner, loss):
    """Everything that may be kept, as copies."""
    net = learner.network
    return (
        {k: v.clone() for k, v in net.named_buffers()}, net.calls, net.seen,
        loss.calls, loss.mean.clone(), loss.centre.clone(), loss.generator.get_state(),
        COUNT, random.getstate(), torch.get_rng_state(),
    )  # fmt: skip


def put_back(learner, loss, state):
    global COUNT
    net = learner.network
    buffers, net.calls, net.seen, loss.calls, loss.mean, centre, generator, COUNT, numbers, torchs = state
    with torch.no_grad():
        for name, own in net.named_buffers():
            own.copy_(buffers[name])
        loss.centre.copy_(centre)
    loss.generator.set_state(generator)
    random.setstate(numbers)
    torch.set_rng_state(torchs)


def same(a, b):
    flat = [[*s[0].values(), *s[1:]] for s in (a, b)]
    return all(
        torch.equal(x, y) if isinstance(x, torch.Tensor) else x == y for x, y in zip(*flat, strict=True)
    )


def truth(learner, loss, train, meta, start):
    """Differences of <v, W> over real steps, with v the outer gradient after one; every pass begins at `start`."""
    objective, net, v = learner.criterion, learner.network, []
    (phi,) = objective.phi()

    def training():
        put_back(learner, loss, start)
        return objective(net(train.x), train)

    def after():
        if not v:
            numbers = torch.get_rng_state()  # the outer pass draws what follows
            put_back(learner, loss, start)
            torch.set_rng_state(numbers)
            with torch.enable_grad():
                outer = objective.outer(net(meta.x), meta)
            v[:] = torch.autograd.grad(outer, learner.weights, materialize_grads=True)
        return sum((p * g).sum() for p, g in zip(learner.weights, v, strict=True))

    return differenced(net, learner.optimizer, phi, training, after)


# What a pass keeps is a constant.
@pytest.mark.filterwarnings("ignore:The outer loss's gradient:RuntimeWarning")
@pytest.mark.parametrize("kind", ["", *NETWORKS, *LOSSES])
@pytest.mark.parametrize("rhythm", ["fused", "following"])
def test_the_hypergradient_is_the_real_steps(kind, rhythm) -> None:
    compare(kind, rhythm, Lookahead())


@pytest.mark.filterwarnings("ignore:One backward pass:RuntimeWarning")
@pytest.mark.parametrize("kind", ["spectral", "centre"])
def test_a_difference_does_not_follow_what_a_pass_keeps(kind) -> None:
    compare(kind, "fused", FiniteDifference())


@pytest.mark.filterwarnings("ignore:Two unrolls:RuntimeWarning")
@pytest.mark.parametrize("kind", ["", "drawn", "generator", "python"])
def test_an_unroll_begins_where_the_training_pass_began(kind) -> None:
    compare(kind, "fused", Unrolled(1))


ESTIMATORS = {
    "one step": lambda: Unrolled(1),
    "three steps": lambda: Unrolled(3),
    "evolution": lambda: Evolution(2, pairs=2),
    "difference": FiniteDifference,
    "hessian": lambda: Implicit("dense"),
    "forward over reverse": lambda: Implicit("dense", mode="forward_over_reverse"),
    "look-ahead": Lookahead,
}


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_draws_what_the_shared_pass_drew(name, hooked) -> None:
    learner, _, batches = scene("drawn")
    if hooked:  # the gradient is taken once more
        learner.weights[0].register_hook(lambda grad: 2 * grad)
    (phi,), found = learner.criterion.phi(), []
    numbers = torch.get_rng_state()
    for step in (learner.meta_step, learner.fused_step):  # the first shares no pass
        torch.set_rng_state(numbers)
        learner.estimator = ESTIMATORS[name]()
        step(*batches)
        found.append(phi.grad.clone())
    torch.testing.assert_close(*found)


def test_an_unroll_draws_what_a_labeler_drew() -> None:
    net, phi = nn.Linear(3, 1).double(), torch.ones(2, dtype=D, requires_grad=True)
    problem = BilevelProblem(
        net,
        lambda out, batch, target: (out[:, 0] - target).pow(2).mean(),
        lambda out, batch: (out[:, 0] - batch[1]).pow(2).mean(),
        [phi],
        context=lambda batch: phi.sum() * torch.rand(8, dtype=D),
    )
    sgd, batch = torch.optim.SGD(net.parameters(), 0.1), (torch.randn(8, 3, dtype=D), torch.randn(8, dtype=D))
    numbers = torch.get_rng_state()
    expected = hypergradient(problem, batch, optimizer=sgd).gradients
    torch.set_rng_state(numbers)
    gradient = training_gradient(problem, batch)
    found = hypergradient(problem, batch, optimizer=sgd, estimator=Unrolled(1), gradient=gradient).gradients
    torch.testing.assert_close(found, expected)


def compare(kind, rhythm, estimator) -> None:
    learner, loss, (train, meta) = scene(kind)
    (phi,), ahead, learner.estimator = learner.criterion.phi(), None, estimator
    for _ in range(3):
        start = kept(learner, loss)
        expected = truth(learner, loss, train, meta, start)
        put_back(learner, loss, start)
        reported = learner.criterion.losses(learner.network(train.x), train, None).means().detach()
        left = kept(learner, loss)
        put_back(learner, loss, start)
        if rhythm == "fused":
            means = learner.fused_step(train, meta)
        else:
            means, ahead = following_step(learner, train, meta, ahead, keep=True)
            train, meta = meta, train
        assert off(phi.grad, expected) < 1e-4
        torch.testing.assert_close(means, reported)
        assert same(kept(learner, loss), left)
