"""Loss functions that are more than a function of outputs and labels: right, or refused by name."""

import functools
import itertools
import queue

import pytest
import torch
from step_cases import ESTIMATORS, Case, D, Net
from torch import nn
from torch.nn import functional as F

import auxin
from auxin.errors import UnsupportedError
from auxin.hypergradients import hypergradient, training_gradient
from auxin.math.remembered import Remembered
from real_step import off

pytestmark = [
    pytest.mark.filterwarnings("ignore:One backward pass for each:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Sparse CSR tensor support:UserWarning"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning"),
]


CALLS, MASKS = itertools.count(1), queue.SimpleQueue()
"""What losses change here cannot be put back."""


class Losses(Case):
    """The second output's loss is a function of its own; the truth begins where the meta step does."""

    def __init__(self, loss, net=None):
        self.own = loss
        super().__init__(Net() if net is None else net)

    def criterion(self, out, batch):
        first = (out - batch[1])[:, 0].pow(2).mean() * self.w[0].exp()
        return first + self.own(out[:, 1], batch[1][:, 1]).mean() * self.w[1].exp()

    def errors(self, back):
        """How far every estimator is from the real step; `back` puts the loss's state back."""
        torch.manual_seed(7)  # where the truth's training pass begins
        found = [self.found(**options) for options in ESTIMATORS]
        truth = self.truth(back)
        return [off(each, truth) for each in found]


class Centre(nn.Module):
    """As in DINO: the outputs less a running mean of them, in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centre", torch.zeros((), dtype=D))

    def forward(self, out, y):
        self.centre.mul_(0.5).add_(0.5 * out.detach().mean())
        return (out - self.centre - y).pow(2)


class Projected(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_four = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4, momentum=0.5), nn.Tanh()).to(D)

    def forward(self, out, y):
        wide = self.to_four(out[:, None])
        return (wide.mean(1) - self.to_four[1].running_mean.mean() - y).pow(2)


class Rebound:
    """No module: an attribute that is bound anew, a list that grows, and a generator."""

    def __init__(self):
        self.mean, self.seen, self.random = torch.zeros((), dtype=D), [1], torch.Generator().manual_seed(2)

    def __call__(self, out, y, factor=1.0):
        self.mean = 0.5 * self.mean + 0.5 * out.detach().mean()
        self.seen.append(len(self.seen))
        noise = torch.rand((), generator=self.random, dtype=D)
        return factor * (out - self.mean - noise - y).pow(2) / len(self.seen)

    def method(self, out, y):
        return self(out, y)


def counting():
    calls = 0

    def loss(out, y, kept={"times": 0}):  # noqa: B006  the habit that is tried
        nonlocal calls
        calls += 1
        kept["times"] += 1
        return (out - y).pow(2) * calls / (1 + kept["times"])

    return loss


def state_of(loss):
    """What the loss keeps, as values that can be compared."""
    owner = getattr(loss, "__self__", getattr(loss, "func", loss))
    if isinstance(owner, nn.Module):
        return [b.clone() for b in owner.buffers()]
    if isinstance(owner, Rebound):
        return [owner.mean, torch.tensor(owner.seen), owner.random.get_state()]
    return [torch.tensor([loss.__closure__[0].cell_contents, loss.__defaults__[0]["times"]])]


@pytest.mark.parametrize(
    "make",
    [
        Centre, Projected, Rebound, counting, lambda: Rebound().method,
        lambda: functools.partial(Rebound(), factor=2.0),
    ],
)  # fmt: skip
def test_what_a_loss_keeps_is_put_back(make):
    loss = make()
    case = Losses(loss)
    before = state_of(loss)
    remembered = Remembered()
    remembered.functions([loss])
    errors = case.errors(remembered.rewind)
    remembered.close()
    assert all(map(torch.equal, state_of(loss), before))
    assert [e < limit for e, limit in zip(errors, (1e-6, 1e-4, 1e-6), strict=True)] == [True] * 3


def test_a_gradient_at_hand_is_used_only_where_a_loss_repeats_it():
    case = Losses(Centre())
    given = training_gradient(case.problem(), case.train)  # moves the mean
    assert off(case.found(gradient=given), case.found()) < 1e-12


class Masked(Net):
    def made(self):
        self.drop = nn.Dropout(0.4)

    def head(self, h):
        return self.b(self.drop(h))


def test_a_loss_draws_its_random_numbers_after_the_networks():
    case = Losses(lambda out, y: (F.dropout(out, 0.5) - y).pow(2), Masked())
    assert [e < limit for e, limit in zip(case.errors(lambda: None), (1e-6, 1e-4, 1e-6), strict=True)] == [
        True
    ] * 3


def test_implicit_draws_the_losss_numbers_after_the_networks():
    def loss(out, y):
        mask = torch.rand_like(out.detach()) > 0.5
        MASKS.put(mask)
        return (out * mask - y).pow(2)

    case, masks = Losses(loss, Masked()), []
    while MASKS.qsize():  # of the warming up
        MASKS.get()
    for solver, options in (("neumann", {"terms": 2}), ("identity", {})):
        case.found(estimator="implicit", solver=solver, check=False, **options)
        masks += [MASKS.get() for _ in range(MASKS.qsize())]
        assert torch.equal(masks[0], masks[-1])  # the first look's and the mixed product's


def in_place(out, y):
    out /= 2.0
    return (out - y).pow(2)


def test_a_loss_that_writes_into_the_outputs():
    class Copied(Losses):
        def criterion(self, out, batch):
            return in_place(out, batch[1]).mean(0).mul(self.w.exp()).sum()

    case = Copied(None)
    assert [e < limit for e, limit in zip(case.errors(lambda: None), (1e-6, 1e-4, 1e-6), strict=True)] == [
        True
    ] * 3


def from_a_counter(out, y):
    return (out - y).pow(2) * next(CALLS)


def writes_labels(out, y):
    return (out - y.mul_(0.9)).pow(2)


def writes_plain():
    kept = torch.zeros((), dtype=D)

    def loss(out, y):
        kept.mul_(0.5).add_(out.detach().mean())
        return (out - kept - y).pow(2)

    return loss


@pytest.mark.parametrize(
    ("loss", "match"),
    [
        (from_a_counter, "training loss does not repeat itself"),
        (writes_labels, "loss writes into its labels"),
        (writes_plain(), "writes into a tensor that it keeps in a plain attribute or a closure"),
    ],
)
@pytest.mark.parametrize("options", ESTIMATORS)
def test_a_loss_that_cannot_be_computed_twice_is_refused(loss, match, options):
    with pytest.raises(UnsupportedError, match=match):
        Losses(loss).found(**options)


@pytest.mark.parametrize("layout", [torch.strided, torch.sparse_coo, torch.sparse_csr])
def test_an_input_of_any_layout_is_looked_at(layout):
    class Writes(Net):
        on = False

        def forward(self, x):
            values = x if x.layout is torch.strided else x._values() if x.is_sparse else x.values()
            if self.on:
                values.copy_(values.flip(0).clone())  # the same values at other places
            return super().forward(x if x.layout is torch.strided else x.to_dense())

    case = Case(Writes())
    x = case.train[0].to_sparse_csr() if layout is torch.sparse_csr else case.train[0].to_sparse()
    case.train = (
        case.train[0] if layout is torch.strided else x.coalesce() if x.is_sparse else x,
        case.train[1],
    )
    case.found()
    case.net.on = True
    case.net.eval()  # another structure
    with pytest.raises(UnsupportedError, match="writes into its input"):
        case.found()


def test_a_batch_that_trained_parameters_outside_the_network_compute_is_refused():
    outside = nn.Linear(3, 3, dtype=D)
    net = Net()
    case = Case(net, parameters=[*net.parameters(), *outside.parameters()])
    x = case.train[0]
    case.train = (outside(x), case.train[1])
    with pytest.raises(UnsupportedError, match="The batch is computed by parameters"):
        case.found()
    case.train = (outside(x).detach(), case.train[1])
    assert off(case.found(), case.truth()) < 1e-7


def test_the_look_at_a_broadcast_leaves_the_loss_and_the_outputs_alone():
    loss = Centre()
    loss.centre = loss.centre.float()

    def task(out, y):
        return in_place(out, y[:, None]) + 0 * loss(out[:, 0], y)[:, None]

    model = nn.ModuleDict({k: nn.Linear(3, 1) for k in ("a", "b")})
    model.forward = lambda x: {k: layer(x) for k, layer in model.items()}
    aux = auxin.Auxiliary(model, main="a", tasks={"a": task, "b": task}, combiner="equal")
    batch = {"x": torch.randn(4, 3), "a": torch.randn(4), "b": torch.randn(4)}
    out = model(batch["x"])
    expected = 0.5 * (0.5 * out["a"].detach().mean() / 2) + 0.5 * out["b"].detach().mean() / 2
    halves = {k: v.detach() / 2 for k, v in out.items()}
    aux(out, batch)
    assert all(torch.equal(out[k].detach(), halves[k]) for k in halves)
    torch.testing.assert_close(loss.centre, expected)


def test_of_the_front_door_too():
    """`hypergradient` finds a loss's state through the criterion's own closure."""
    loss, case = Centre(), Case(Net())

    def criterion(out, batch):
        return loss(out[:, 1], batch[1][:, 1]).mean() * case.w[1].exp()

    problem = auxin.BilevelProblem(case.net, criterion, case.outer, [case.w])
    before = loss.centre.clone()
    hypergradient(problem, case.train, case.meta, optimizer=case.optimizer)
    assert torch.equal(loss.centre, before)


def test_what_a_loss_keeps_is_put_back_where_the_network_is_sharded(monkeypatch):
    from auxin.hypergradients import _audit

    class Queue:
        def __init__(self):
            self.items = []

        def __call__(self, out, y):
            self.items.append(float(y.sum()))
            return (out - y).pow(2) * len(self.items)

    queue = Queue()
    case = Losses(queue)
    problem = case.problem()
    monkeypatch.setattr(_audit, "is_sharded", lambda network: True)
    signals, before = torch.ones(8, 2, dtype=D), list(queue.items)
    with _audit.repeated(problem, (), None):
        values = [problem.training_loss(signals, case.train, None).item() for _ in range(3)]
    assert values[0] == values[1] == values[2]
    assert queue.items == before
