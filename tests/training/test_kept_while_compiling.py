"""What networks and losses keep from step to step: compiled training takes it along, or runs eagerly and names it."""

import itertools
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import tiny

from auxin.training import compiled
from auxin.training.loop import EpochCallbacks, fit

COUNT = 0
LATE = {"begun": False}


class Keeps(nn.Module):
    """A trunk or a task, around the one of the run, that keeps something in every training step."""

    def __init__(self, inner, kind):
        super().__init__()
        self.inner, self.kind = inner, kind
        self.count, self.mean, self.items, self.cache = 0, torch.zeros(()), [], None
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("renewed", torch.zeros(()))
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, *given):
        return self.keep(self.inner(*given)) if self.training else self.inner(*given)

    def keep(self, out):
        global COUNT
        now = 0.5 * out.detach().mean()
        if self.kind == "counter":
            self.count += 1
            return out * (1 + 1 / self.count)
        if self.kind == "attribute":
            self.mean = 0.5 * self.mean + now
            return out - self.mean
        if self.kind == "list":
            self.items.append(1)
            return out * (1 + 1 / len(self.items))
        if self.kind == "global":
            COUNT += 1
            return out * (1 + 1 / COUNT)
        if self.kind == "generator":
            return out * (1 + torch.rand((), generator=self.generator))
        if self.kind == "renewed":
            self.renewed = 0.5 * self.renewed + now
            return out - self.renewed
        if self.kind == "cache":
            self.cache = torch.ones(()) if self.cache is None else self.cache
            return out * self.cache
        self.centre.mul_(0.5).add_(now)
        return out - self.centre


def loss_of(keeps):
    def loss(out, y):
        return keeps(functional.cross_entropy(out, y, reduction="none"))

    return loss


def trained(kind, of, compile, every):
    global COUNT
    COUNT = 0
    built = tiny(
        "maxl", model__channel_width=2, meta_optimizer="sgd", epochs=3, steps=9, every=every, compile=compile
    )
    learner = built.state.learner
    if of == "network":
        built.network.trunk = Keeps(built.network.trunk, kind)
        keeps = built.network.trunk
    else:
        name = learner.criterion.main
        keeps = Keeps(nn.Identity(), kind)
        learner.criterion.tasks = {**learner.criterion.tasks, name: loss_of(keeps)}
    torch.manual_seed(3)
    fit(built.state, built.plan, EpochCallbacks())
    return (
        torch.cat([p.detach().flatten() for p in built.network.parameters()]),
        learner,
        keeps,
        built.state.step,
    )


NAMES = {
    "counter": "Keeps.count",
    "attribute": "Keeps.mean",
    "list": "Keeps.items",
    "global": "COUNT",
    "generator": "Keeps.generator",
    "renewed": "renewed",
}


@pytest.mark.parametrize(("of", "every"), [("network", 3), ("loss", 1)])
@pytest.mark.parametrize("kind", [*NAMES, "cache", "centre"])
def test_recorded_training_is_the_eager_one(kind, of, every, monkeypatch) -> None:
    monkeypatch.setattr(compiled, "play", lambda graph: graph)
    eager, _, kept, steps = trained(kind, of, False, every)
    fast, learner, also, _ = trained(kind, of, True, every)
    assert float((eager - fast).norm() / eager.norm()) < 1e-5
    assert also.count == kept.count == (steps if kind == "counter" else 0)
    assert len(also.items) == len(kept.items) == (steps if kind == "list" else 0)
    torch.testing.assert_close(kept.centre, also.centre)
    if (kind, of) in (("cache", "network"), ("centre", "network")):
        assert any(kernel._worked for kernel in learner.kernels.values())
        assert not learner.notes
    elif kind == "cache":  # losses that are no task read values, and are not recorded
        assert "each changes" not in learner.notes[0]
    else:
        assert learner.kernels == {}
        assert NAMES.get(kind, "centre") in learner.notes[0]


def test_what_is_kept_only_from_the_recorded_step_on(monkeypatch) -> None:
    monkeypatch.setattr(compiled, "play", lambda graph: graph)

    class Late(Keeps):
        def keep(self, out):
            return super().keep(out) if LATE["begun"] else out

    found = []
    for compile in (False, True):
        LATE["begun"] = False
        built = tiny("single", model__channel_width=2, steps=12, compile=compile)
        learner = built.state.learner
        late = built.network.trunk = Late(built.network.trunk, "counter")
        built.network.train()
        batches = itertools.cycle(built.state.feed.epoch())
        for k in range(5):
            LATE["begun"] = k > 0
            learner.train_step(next(batches))
        found.append(torch.cat([p.detach().flatten() for p in built.network.parameters()]))
        assert late.count == 4
    assert torch.equal(*found)
    assert "Late.count" in learner.notes[0]
