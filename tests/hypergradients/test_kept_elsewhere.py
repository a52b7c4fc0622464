"""What losses, networks and hooks keep in globals, classes and each other: each pass begins alike, nothing is left."""

from collections import OrderedDict
from typing import ClassVar

import pytest
import torch
from step_cases import ESTIMATORS, Case, D, Net
from torch import nn

import auxin
from auxin import catalogue
from auxin.math.remembered import Remembered
from real_step import off

pytestmark = [
    pytest.mark.filterwarnings("ignore:One backward pass for each:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Reverse-over-reverse is used:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:The outer loss's gradient is off:RuntimeWarning"),
]

COUNT, MEAN, SEEN, FEATURES = 0, torch.zeros((), dtype=D), [], {}


class Centre(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("centre", torch.zeros((), dtype=D))

    def forward(self, out):
        self.centre.mul_(0.5).add_(0.5 * out.detach().mean())
        return out - self.centre


CENTRE = Centre()


def assigned(out, y):
    """As notebooks write it: a running mean and a counter are names of the file."""
    global COUNT, MEAN
    COUNT += 1
    MEAN = 0.5 * MEAN + 0.5 * out.detach().mean()
    return (out - MEAN - y).pow(2) * COUNT


def appended(out, y):
    SEEN.append(1)
    return (out - y).pow(2) * len(SEEN)


def by_a_module(out, y):
    return (CENTRE(out) - y).pow(2)


def by_a_helper(out, y):
    return assigned(out, y)


class Counts:
    """An attribute of the class, not of the object."""

    calls = 0

    def __call__(self, out, y):
        Counts.calls += 1
        return (out - y).pow(2) * Counts.calls


LOSSES = {
    "assigned": assigned,
    "appended": appended,
    "module": by_a_module,
    "helper": by_a_helper,
    "class": Counts(),
}


def state():
    return [COUNT, MEAN, list(SEEN), CENTRE.centre, CENTRE.centre.clone(), Counts.calls]


def put(before):
    global COUNT, MEAN
    COUNT, MEAN, SEEN[:], Counts.calls = before[0], before[1], before[2], before[5]
    CENTRE.centre = before[3]
    CENTRE.centre.copy_(before[4])


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = [0]


class Losses(Case):
    def __init__(self, loss, net=None):
        self.own = loss
        super().__init__(Net() if net is None else net)

    def criterion(self, out, batch):
        first = (out - batch[1])[:, 0].pow(2).mean() * self.w[0].exp()
        return first + self.own(out[:, 1], batch[1][:, 1]).mean() * self.w[1].exp()


@pytest.mark.parametrize("name", LOSSES)
def test_what_a_loss_keeps_in_a_global_or_a_class(name):
    case = Losses(LOSSES[name])
    before = state()
    found = [case.found(**options) for options in ESTIMATORS]
    now = state()
    assert now[:3] == before[:3]
    assert now[3] is before[3]
    assert torch.equal(now[4], before[4])
    assert now[5] == before[5]
    truth = case.truth(lambda: put(before))
    assert [off(each, truth) < limit for each, limit in zip(found, (1e-6, 1e-4, 1e-6), strict=True)] == [
        True
    ] * 3


class GlobalNet(Net):
    """A step counter in a global, a memory in the class."""

    memory: ClassVar[list[int]] = []

    def head(self, h):
        global COUNT
        COUNT += 1
        GlobalNet.memory.append(1)
        return self.b(h) * (1 + 1 / COUNT) * len(self.memory)


@pytest.mark.parametrize("options", ESTIMATORS)
def test_what_a_network_keeps_in_a_global_or_its_class(options):
    case = Case(GlobalNet())
    before = state()
    kept = len(GlobalNet.memory)
    found = case.found(**options)
    assert before[0] == COUNT
    assert len(GlobalNet.memory) == kept

    def back():
        put(before)
        del GlobalNet.memory[kept:]

    assert off(found, case.truth(back)) < (1e-4 if options.get("estimator") == "finite_difference" else 1e-6)


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("kept", ["closure", "global"])
@pytest.mark.parametrize("options", ESTIMATORS)
def test_a_loss_reads_the_features_that_a_hook_left_in_this_pass(options, kept, constant):
    """The features of the present pass, and not those that the last training step left."""
    features = {} if kept == "closure" else FEATURES
    net = Net()

    def keep(module, given, out):
        features["h"] = out.detach() if constant else out

    net.a.register_forward_hook(keep)

    class Features(Case):
        def criterion(self, out, batch):
            return super().criterion(out, batch) + (features["h"] ** 2).mean() * self.w[1].exp() * out.mean()

        def outer(self, out, batch):
            return super().outer(out, batch) * (1.0 + (features["h"].detach() ** 2).mean())

    case = Features(net)
    found = case.found(**options)
    left = features["h"]
    assert len(left) == 8  # of the last training batch, as before
    case.outer = lambda out, batch: (
        super(Features, case).outer(out, batch) * weight
    )  # as a constant, like the gradient
    with torch.no_grad():
        ahead = ahead_of(case)
    weight = 1.0 + (ahead**2).mean()
    assert off(found, case.truth()) < (1e-4 if options.get("estimator") == "finite_difference" else 1e-6)


def ahead_of(case):
    """The features on the meta batch after the real step; everything is put back."""
    found = []
    case.w.grad = None
    before = [p.detach().clone() for p in case.net.parameters()]
    state = {p: {k: v.clone() for k, v in s.items()} for p, s in case.optimizer.state.items()}
    torch.manual_seed(7)
    with torch.enable_grad():
        case.loss().backward()
    case.optimizer.step()
    case.optimizer.zero_grad()
    found = case.net.a(case.meta[0]).clone()
    for p, value in zip(case.net.parameters(), before, strict=True):
        p.copy_(value)
    for p, s in state.items():
        case.optimizer.state[p] = s
    return found


def test_of_auxiliary_too():
    """Task functions with globals lie deeper in auxin's own objects."""
    SEEN.clear()
    model = nn.ModuleDict({"trunk": nn.Linear(3, 4)} | {k: nn.Linear(4, 1) for k in "abc"})
    model.forward = lambda x: {k: model[k](model["trunk"](x))[:, 0] for k in "abc"}
    tasks = {"a": by_a_module, "b": appended, "c": assigned}
    aux = auxin.Auxiliary(model, main="a", tasks=tasks, combiner="softmax", every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batch = {"x": torch.randn(6, 3)} | {k: torch.randn(6) for k in "abc"}
    CENTRE.centre = CENTRE.centre.float()
    aux(model(batch["x"]), batch).backward()
    optimizer.step()
    before = state()
    aux.after_step(optimizer, batch)
    now = state()
    CENTRE.centre = CENTRE.centre.to(D)
    assert [now[k] for k in (0, 2, 5)] == [before[k] for k in (0, 2, 5)]
    assert now[1] is before[1]
    assert now[3] is before[3]
    assert torch.equal(now[4], before[4])


def test_a_module_in_a_task_functions_closure_too():
    """It lies deeper in auxin's own objects than the user's own may lie in each other."""
    model = nn.ModuleDict({"trunk": nn.Linear(3, 4)} | {k: nn.Linear(4, 1) for k in "abc"})
    model.forward = lambda x: {k: model[k](model["trunk"](x))[:, 0] for k in "abc"}
    counting = Counting()

    def loss(out, y):
        counting.count[0] += 1
        return (out - y).pow(2)

    aux = auxin.Auxiliary(model, main="a", tasks=dict.fromkeys("abc", loss), combiner="softmax", every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batch = {"x": torch.randn(6, 3)} | {k: torch.randn(6) for k in "abc"}
    aux(model(batch["x"]), batch).backward()
    optimizer.step()
    before = list(counting.count)
    aux.after_step(optimizer, batch)
    assert counting.count == before


def test_a_compiled_meta_step_runs_eagerly():
    """It ended in an internal error of the compiler; what a loss keeps is put back there too."""
    weights = []
    for compiled in (False, True):
        torch.manual_seed(0)
        model = nn.ModuleDict({"trunk": nn.Linear(3, 4)} | {k: nn.Linear(4, 1) for k in "abc"})
        model.forward = lambda x, m=model: {k: m[k](m["trunk"](x))[:, 0] for k in "abc"}
        centre = Centre().float()

        def loss(out, y, centre=centre):
            return (centre(out) - y).pow(2)

        aux = auxin.Auxiliary(model, main="a", tasks=dict.fromkeys("abc", loss), combiner="softmax", every=1)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        batch = {"x": torch.randn(6, 3)} | {k: torch.randn(6) for k in "abc"}
        aux(model(batch["x"]), batch).backward()
        optimizer.step()
        before = centre.centre.clone()
        take = torch.compile(aux.after_step, backend="eager") if compiled else aux.after_step
        take(optimizer, batch)
        assert torch.equal(centre.centre, before)
        weights.append(aux.weights())
    assert weights[0] == weights[1]
    assert weights[0]["b"] != 1.0


class Makes(OrderedDict):
    """As a table of activations: what is read from it is made anew, and needs arguments."""

    def __getitem__(self, key):
        return super().__getitem__(key)[0](**super().__getitem__(key)[1])


class Refuses(list):
    def __iter__(self):
        raise AssertionError("read")

    copy = __getitem__ = __iter__


TABLE, REFUSES = Makes(relu=(nn.ReLU, {}), part=(nn.Linear, {})), Refuses([1, 2])


def by_tables(out, y):
    TABLE.move_to_end("relu")
    REFUSES.append(3)
    return (out - y).pow(2) * len(REFUSES) * len(TABLE)


def test_containers_with_ways_of_their_own_are_kept_as_they_are():
    case = Losses(by_tables)
    before = list(TABLE), list.__len__(REFUSES)
    found = case.found(**ESTIMATORS[0])
    assert (list(TABLE), list.__len__(REFUSES)) == before

    def back():
        list.__delitem__(REFUSES, slice(before[1], None))

    assert off(found, case.truth(back)) < 1e-6


def test_the_order_of_a_dictionary_is_put_back():
    TABLE.move_to_end("relu")
    before = list(TABLE)
    kept = Remembered()
    kept.functions([by_tables])
    TABLE.move_to_end("part")
    assert kept.changed()
    kept.rewind()
    assert list(TABLE) == before


PLUGIN = """
from torch import nn
from auxin.tasks.regression import Regression
SEEN = []
class Counting(Regression):
    calls = 0
    def loss(self, output, target):
        self.calls += 1
        SEEN.append(1)
        return super().loss(output, target)
class Net(nn.Module):
    calls = 0
    def forward(self, x):
        self.calls += 1
        return x
"""


def test_what_a_plugin_keeps_is_the_users(tmp_path, monkeypatch):
    """It is imported under a name of auxin's."""
    monkeypatch.setenv("AUXIN_PLUGINS", str(tmp_path))
    file = tmp_path / "tasks" / "keeps_a_count.py"
    file.parent.mkdir()
    file.write_text(PLUGIN)
    plugin = catalogue.module("tasks", "keeps_a_count")
    task, net, kept = plugin.Counting("a", 1), plugin.Net(), Remembered()
    kept.module(net)
    kept.functions([task])
    task.loss(net(torch.zeros(2, 1)), torch.zeros(2))
    assert kept.changed()
    kept.rewind()
    assert (task.calls, net.calls, plugin.SEEN) == (0, 0, [])
