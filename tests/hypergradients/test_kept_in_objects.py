"""What networks and losses keep in objects, arrays and other files: each pass begins alike, and nothing is left."""

import queue
import threading

import kept_by_another_module as elsewhere
import numpy as np
import pytest
import torch
from kept_by_another_module import METER, SETTINGS, Meter
from step_cases import ESTIMATORS, Case, D, Net
from torch import nn

import auxin
from real_step import off

pytestmark = pytest.mark.filterwarnings("ignore:One backward pass for each:RuntimeWarning")


class Memory:
    """No module and no container: a mean that is bound anew, a counter, an array."""

    def __init__(self):
        self.mean, self.calls, self.usage = torch.zeros((), dtype=D), 0, np.zeros(3)

    def update(self, h):
        self.calls += 1
        self.usage[self.calls % 3] += 1
        self.mean = 0.5 * self.mean + 0.5 * h.detach().mean()
        return self.mean * (1 + self.usage[0])

    def state(self):
        return self.mean, self.calls, tuple(self.usage)

    def put(self, state):
        self.mean, self.calls = state[:2]
        self.usage[:] = state[2]


class WithMemory(Net):
    reads = True

    def made(self):
        self.memory = Memory()
        self.teacher = [nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6)).to(D)]

    def head(self, h):
        kept = self.memory.update(h)
        with torch.no_grad():
            target = self.teacher[0](h)
        return self.b(h - kept + target) if self.reads and len(h) == 8 else self.b(h)


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("options", ESTIMATORS)
def test_a_network_keeps_an_object_and_a_module_that_is_none_of_its_parts(options, reads):
    net = WithMemory()
    net.reads = reads
    case, norm = Case(net), net.teacher[0][1]
    before, mean, kept = net.memory.state(), norm.running_mean, norm.running_mean.clone()
    found = case.found(**options)
    assert net.memory.state() == before
    assert norm.running_mean is mean
    assert torch.equal(mean, kept)
    assert off(found, case.truth(lambda: net.memory.put(before))) < (
        1e-4 if options.get("estimator") == "finite_difference" else 1e-6
    )


class Trainer:
    """A loss as a method of what holds everything else."""

    kept = staticmethod(lambda value: elsewhere.track(value))

    def __init__(self):
        self.logs = [{"train": {"loss": Meter()}}]
        self.loader = queue.Queue()

    def loss(self, out, y):
        self.logs[0]["train"]["loss"].update(1.0)
        elsewhere.COUNT += 1
        elsewhere.track(1.0)
        SETTINGS.step += 1
        METER.update(1.0)
        elsewhere.HISTORY[0] += 1
        self.kept(2.0)
        filling = threading.Thread(target=self.loader.put, args=[0])
        filling.start()
        filling.join()
        return (out - y).pow(2)


def all_of_it(trainer):
    meters = trainer.logs[0]["train"]["loss"], METER
    return (
        [(m.sum, m.count) for m in meters],
        elsewhere.COUNT,
        elsewhere.Config.step,
        SETTINGS.step,
        elsewhere.HISTORY.tolist(),
    )


def test_a_loss_keeps_things_in_meters_and_in_other_files():
    trainer = Trainer()
    model = nn.ModuleDict({"trunk": nn.Linear(3, 4)} | {k: nn.Linear(4, 1) for k in "abc"})
    model.forward = lambda x: {k: model[k](model["trunk"](x))[:, 0] for k in "abc"}
    aux = auxin.Auxiliary(model, main="a", tasks=dict.fromkeys("abc", trainer.loss), every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batch = {"x": torch.randn(6, 3)} | {k: torch.randn(6) for k in "abc"}
    aux(model(batch["x"]), batch).backward()
    optimizer.step()
    before, waiting = all_of_it(trainer), trainer.loader.qsize()
    aux.after_step(optimizer, batch)
    assert all_of_it(trainer) == before
    assert trainer.loader.qsize() > waiting  # a queue between threads is left to them


def weights_of(seed, into):
    """A training with losses that count; its weights."""
    draw = torch.Generator().manual_seed(seed)
    model = nn.ModuleDict({"trunk": nn.Linear(3, 4)} | {k: nn.Linear(4, 1) for k in "abc"})
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.3 * torch.randn(p.shape, generator=draw))
    model.forward = lambda x: {k: model[k](model["trunk"](x).tanh())[:, 0] for k in "abc"}

    class Counts:
        def __init__(self):
            self.calls = 0

        def __call__(self, out, y):
            self.calls += 1
            return (out - y).pow(2) * (1 + 0.1 * (self.calls % 7))

    aux = auxin.Auxiliary(model, main="a", tasks={k: Counts() for k in "abc"}, every=1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    batches = [
        {"x": torch.randn(6, 3, generator=draw)} | {k: torch.randn(6, generator=draw) for k in "abc"}
        for _ in range(3)
    ]
    for step in range(12):
        loss = aux(model(batches[step % 3]["x"]), batches[step % 3])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        aux.after_step(optimizer, batches[(step + 1) % 3])
    into[seed] = aux.weights()


def test_trainings_in_two_threads_are_those_in_one():
    alone, together = {}, {}
    for seed in (1, 2):
        weights_of(seed, alone)
    threads = [threading.Thread(target=weights_of, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
