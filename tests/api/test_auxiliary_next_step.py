"""The hypergradient of a loop is that of its own next step, whatever stands between the loss and `after_step`."""

import copy
import warnings

import pytest
import torch
from auxiliary_cases import Net, batch, functions
from torch.nn import functional as F

from auxin.api.auxiliary import Auxiliary


class Loop:
    """A loop of a user's: the parts that differ are methods."""

    network, norm = Net, False

    def __init__(self):
        torch.manual_seed(0)
        self.model = self.network(norm=self.norm).double()
        self.optimizer = torch.optim.Adam(self.model.parameters(), 0.01)
        self.aux = Auxiliary(
            self.model, main="main", tasks=functions(), combiner="linear", every=1, scale="raw"
        )
        self.aux.combiner.double()

    def before(self):
        """What the loop does before the loss."""

    def after(self):
        """What it does after the optimiser's step."""

    def train(self, data):
        self.before()
        loss = self.aux(self.model(data["x"]), data)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.after()

    def meta(self, held):
        self.aux.after_step(self.optimizer, held)


class Evaluated(Loop):
    """It leaves the evaluation's mode on until the next step."""

    norm = True

    def before(self):
        self.model.train()

    def after(self):
        self.model.eval()


class Toggled(Loop):
    """The trunk's bias and a head are frozen inside the training step alone."""

    def before(self):
        self.model.trunk.bias.requires_grad_(False)
        self.model.heads["main"].requires_grad_(False)

    def after(self):
        self.model.requires_grad_(True)


class Adapted(Net):
    """A network with an adapter by name, as those of PEFT."""

    def __init__(self, **options):
        super().__init__(**options)
        self.on, self.active = True, ["none"]

    def forward(self, x):
        return super().forward(x * (1 + self.on * (self.active == ["other"])))


class Switched(Loop):
    """It takes another adapter for the time of the training step."""

    network = Adapted

    def before(self):
        self.model.on, self.model.active = True, ["other"]

    def after(self):
        self.model.on, self.model.active = False, ["none"]


class Hooked(Loop):
    """It doubles the trunk's outputs for the time of the training step."""

    def before(self):
        self.model.trunk.register_forward_hook(lambda module, given, out: 2 * out)

    def after(self):
        self.model.trunk._forward_hooks.clear()


class Averaged(Loop):
    """Averaged weights stand in the network while the meta step is taken."""

    def meta(self, held):
        trained = copy.deepcopy(self.model.state_dict())
        with torch.no_grad():
            for p in self.model.parameters():
                p.mul_(0.9)
        super().meta(held)
        self.model.load_state_dict(trained)


def of_the_next_step(loop, data, held):
    """The outer loss's differences over phi, by the steps of copies of the whole loop."""
    found = []
    (phi,) = loop.aux.meta.phi
    for i in range(phi.numel()):
        ends = []
        for sign in (1, -1):
            other = copy.deepcopy(loop)
            with torch.no_grad():
                other.aux.meta.phi[0].view(-1)[i] += sign * 1e-5
            other.train(data)
            other.before()
            with torch.no_grad():
                ends.append(F.cross_entropy(other.model(held["x"])["main"], held["main"]))
        found.append((ends[0] - ends[1]) / 2e-5)
    return torch.stack(found)


def told(loop, steps=2):
    """The relative errors of some meta steps, and the warnings."""
    errors, taken = [], []
    move = loop.aux.meta._move
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", RuntimeWarning)
        for seed in range(steps):
            data, held = batch(seed), batch(9)
            loop.train(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                truth = of_the_next_step(loop, data, held)
            loop.aux.meta._move = taken.append
            loop.meta(held)
            del loop.aux.meta._move
            assert loop.aux.meta._move == move
            errors.append(float((taken[-1][0] - truth).norm() / truth.norm()))
            move(taken[-1])
    return errors, [str(w.message) for w in given if w.category is RuntimeWarning]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (Evaluated, "`training`"),
        (Toggled, "`requires_grad`"),
        (Switched, "`active`, `on`"),
        (Hooked, "`_forward_hooks`"),
    ],
)
def test_a_meta_step_takes_the_network_as_it_was_at_the_loss(kind, what):
    loop = kind()
    errors, given = told(loop)
    assert max(errors) < 1e-6
    assert len(given) == 1
    assert f"changed: {what}." in given[0]
    assert all(not m.training for m in loop.model.modules()) == (kind is Evaluated)
    assert all(p.requires_grad for p in loop.model.parameters())
    assert not loop.model.trunk._forward_hooks
    assert kind is not Switched or (loop.model.on, loop.model.active) == (False, ["none"])


def test_an_ordinary_loop_is_told_nothing():
    errors, given = told(Loop(), steps=3)
    assert max(errors) < 1e-6
    assert not given


def test_other_weights_at_the_meta_step_are_told_at_the_next_loss():
    errors, given = told(Averaged())
    assert min(errors) > 1e-4
    assert len(given) == 1
    assert "between `after_step` and the next loss: found trunk.weight" in given[0]
