"""The look-ahead with linear layers' gradients left as factors, beside whole gradients and the real step."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from auxin import BilevelProblem, hypergradient
from auxin.hypergradients import _outer
from auxin.hypergradients.lookahead import Lookahead
from auxin.math import tangents
from auxin.optimizers import InnerStep
from real_step import differenced, off

D = torch.float64


class Net(nn.Module):
    """Three layers, of which the second and the third are wide enough for batches of five rows and fewer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.c, self.d = (
            nn.Linear(3, 20),
            nn.Linear(20, 20),
            nn.Linear(20, 24),
            nn.Linear(24, 2),
        )
        self.to(D)

    def forward(self, x):
        return self.d(self.c(self.b(self.a(x).tanh()).tanh()).tanh())


class Tied(Net):
    def __init__(self):
        super().__init__()
        self.e = nn.Linear(20, 20, dtype=D)
        self.e.weight = self.b.weight

    def forward(self, x):
        return self.d(self.c(self.e(self.b(self.a(x).tanh()).tanh()).tanh()))


class Bare(Net):
    def __init__(self):
        super().__init__()
        self.b.bias = None
        self.c.bias.requires_grad_(False)


class Stacked(Net):
    """Inputs of three dimensions, and a slice of them."""

    def forward(self, x):
        h = torch.stack([self.a(x), self.a(x).sin()], 1)
        return self.d(self.c(self.b(h)[:, 0]))


class WrittenTo(Net):
    def forward(self, x):
        return self.d(F.relu_(self.c(F.relu_(self.b(F.relu_(self.a(x)))))))


class Transposed(Net):
    def forward(self, x):
        return self.d(self.c(self.a(x).tanh() @ self.b.weight))


class Checkpointed(Net):
    def forward(self, x):
        return self.d(checkpoint(lambda h: self.c(self.b(h).tanh()), self.a(x), use_reentrant=False))


class Penalised(Net):
    """A gradient by the inputs, in which every weight is read once more."""

    def forward(self, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            out = super().forward(x)
            return out + torch.autograd.grad(out[:, 0].sum(), x, create_graph=True)[0][:, :2]


class ReadInTraining(Net):
    """A weight that something other than its layer reads, for the training batch alone."""

    def forward(self, x):
        h = self.b(self.a(x).tanh())
        h = F.linear(h, self.c.weight, self.c.bias) if len(x) == 4 else self.c(h)
        return self.d(h) + (self.b.weight.sin().sum() if len(x) == 4 else 0)


class Case:
    """A network, SGD with momentum in two groups, and two tasks weighed by phi."""

    def __init__(self, net, rows=(4, 3), dtype=D, make=None):
        self.net, self.phi = net.to(dtype), torch.tensor([0.3, -0.4], dtype=dtype, requires_grad=True)
        torch.manual_seed(1)
        self.train, self.meta = (
            (torch.randn(n, 3, dtype=dtype), torch.randn(n, 2, dtype=dtype)) for n in rows
        )
        trained = [p for p in net.parameters() if p.requires_grad]
        groups = [{"params": trained[:2]}, {"params": trained[2:], "lr": 0.2, "maximize": True}]
        self.optimizer = (make or sgd)(groups)
        for _ in range(2):
            self.loss(self.net(self.train[0]), self.train).backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
        self.phi.grad = None
        self.problem = BilevelProblem(self.net, self.loss, self.outer, [self.phi])

    def loss(self, out, batch):
        return ((out - batch[1]).pow(2).mean(0) * self.phi.exp()).sum()

    def outer(self, out, batch):
        return (out - batch[1]).pow(2).mean()

    def estimate(self, **options):
        return hypergradient(
            self.problem, self.train, self.meta, optimizer=self.optimizer, **options
        ).gradients[0]

    def truth(self):
        train = lambda: self.loss(self.net(self.train[0]), self.train)  # noqa: E731
        outer = lambda: self.outer(self.net(self.meta[0]), self.meta)  # noqa: E731
        return differenced(self.net, self.optimizer, self.phi, train, outer)


def sgd(groups):
    return torch.optim.SGD(groups, 0.1, momentum=0.5, dampening=0.2, weight_decay=0.01)


@pytest.fixture
def seen(monkeypatch):
    """How many layers' gradients each outer gradient left as factors."""
    found = []
    own = _outer.layers

    def layers(*given):
        found.append(len(own(*given)))
        return own(*given)

    monkeypatch.setattr(_outer, "layers", layers)
    return found


def whole(case, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Lookahead, "_factored", lambda *given: False)
        return case.estimate(check=False)


@pytest.mark.parametrize(
    ("kind", "layers"),
    [
        *((Net, 2), (Tied, 1), (Bare, 2), (Stacked, 2), (WrittenTo, 2), (Transposed, 1), (Checkpointed, 0)),
        *((Penalised, 0), (ReadInTraining, 2)),
    ],
)
@pytest.mark.parametrize("rows", [(4, 3), (4, 1), (1, 2)])
def test_equals_whole_gradients_and_the_real_step(kind, layers, rows, seen, monkeypatch):
    case = Case(kind(), rows)
    found = case.estimate(check=False)
    assert seen == [layers] if rows == (4, 3) else seen[0] >= layers
    assert off(found, whole(case, monkeypatch)) < 1e-12
    assert off(found, case.truth()) < 1e-6


def test_a_weight_that_is_read_elsewhere_is_whole_from_then_on(seen, monkeypatch):
    case = Case(ReadInTraining())
    for _ in range(3):
        assert off(case.estimate(check=False), whole(case, monkeypatch)) < 1e-12
    assert seen == [2]


def test_single_precision_and_no_rows():
    case = Case(Net(), dtype=torch.float32)
    exact = Case(Net())
    assert off(case.estimate(check=False), exact.estimate(check=False)) < 1e-4
    x = torch.ones(0, 3, dtype=D)
    assert tangents.along(x, torch.ones(2, 3, dtype=D), torch.ones(2, 4, dtype=D), None).shape == (0, 4)


@pytest.mark.parametrize("why", ["Adam", "clipping", "rows", "first batch", "autocast", "half"])
def test_whole_gradients_elsewhere(why, seen):
    make = torch.optim.Adam if why == "Adam" else sgd
    case = Case(Net(), (4, 12) if why == "rows" else (4, 3), torch.float32, make)
    if why == "half":
        case = Case(Net(), dtype=torch.bfloat16)
    step = InnerStep(case.optimizer, case.net.parameters(), clip_norm=1.0 if why == "clipping" else None)
    with torch.autocast("cpu", torch.bfloat16) if why == "autocast" else nullcontext():
        hypergradient(case.problem, case.train, case.meta, optimizer=step, check=why == "first batch")
    assert sum(seen) == 0


def test_the_forward_pass_that_is_kept_has_its_graph_to_every_parameter(seen):
    case = Case(Net())
    step = InnerStep(case.optimizer, case.net.parameters())
    ahead = Lookahead(check=False).estimate(case.problem, case.train, case.meta, step, keep=True).ahead
    assert seen == [2]
    grads = torch.autograd.grad(case.loss(ahead.signals, case.meta), ahead.at)
    assert all(
        g.shape == p.shape and bool(g.any()) for g, p in zip(grads, case.net.parameters(), strict=True)
    )


def test_a_later_comparison_finds_factors_that_are_wrong(seen, monkeypatch):
    case, own = Case(Net()), tangents.along
    right = case.estimate()  # the first batch, whose gradients are whole
    monkeypatch.setattr(tangents, "along", lambda *given: 2 * own(*given))
    assert off(case.estimate(), right) < 1e-12  # the second batch is compared, and examined anew
    assert seen == [2]
