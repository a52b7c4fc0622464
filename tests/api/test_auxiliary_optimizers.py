"""What may be given as the optimiser: several at once, known wrappers; everything else is named or refused."""

import copy

import pytest
import torch
from auxiliary_cases import NAMES, batch, make, net, steps
from torch import nn
from torch.nn import functional as F

import auxin
from auxin.errors import ConfigError
from auxin.optimizers import InnerStep

SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW
TOGETHER = {
    "both SGD": lambda m: [
        SGD(m.trunk.parameters(), lr=0.1),
        SGD(m.heads.parameters(), lr=0.3, momentum=0.9),
    ],
    "SGD and AdamW": lambda m: [
        ADAMW([p for p in m.parameters() if p.dim() == 2], lr=0.05),
        SGD([p for p in m.parameters() if p.dim() < 2], lr=0.2),
    ],
}


def losses(model, data):
    out = model(data["x"])
    return [F.cross_entropy(out[name], data[name]) for name in NAMES]


def after_real_steps(model, optimizers, logits, train, meta):
    """The main loss on `meta` after the real steps of copies of the optimisers with weights 2 softmax(logits)."""
    model, optimizers = copy.deepcopy((model, optimizers))
    main, *rest = losses(model, train)
    weights = 2 * logits.softmax(0)
    for each in optimizers:
        each.zero_grad()
    (main + weights[0] * rest[0] + weights[1] * rest[1]).backward()
    for each in optimizers:
        each.step()
    return losses(model, meta)[0].detach()


@pytest.mark.parametrize("together", TOGETHER)
@pytest.mark.parametrize("form", [list, tuple, lambda found: dict(enumerate(found))])
def test_the_look_ahead_goes_through_the_real_steps_of_all_optimisers(together, form, monkeypatch):
    model, train, meta = net(), batch(1), batch(2)
    optimizers = TOGETHER[together](model)
    aux = make(model, every=1, scale="raw")
    taken = []
    monkeypatch.setattr(aux.meta, "_move", taken.append)
    aux(model(train["x"]), train).backward()
    for each in optimizers:
        each.step()
    aux.after_step(form(optimizers), meta)
    logits, found = aux.combiner.logits.detach(), []
    for unit in torch.eye(2, dtype=torch.float64):
        ends = [
            after_real_steps(model, optimizers, logits + sign * 1e-5 * unit, train, meta) for sign in (1, -1)
        ]
        found.append((ends[0] - ends[1]) / 2e-5)
    truth = torch.stack(found)
    assert truth.abs().max() > 1e-6
    torch.testing.assert_close(taken[0][0], truth, rtol=1e-6, atol=1e-10)


def test_parameters_that_no_optimiser_holds_are_named_once():
    model = net()
    optimizer = SGD(model.heads.parameters(), lr=0.1)
    aux = make(model, every=1)
    with pytest.warns(RuntimeWarning) as said:
        steps(aux, model, optimizer, 2)
    words = [str(w.message) for w in said if "stand still" in str(w.message)]
    assert len(words) == 1
    assert "holds 2 of the network's 8 trainable parameters (trunk.weight, trunk.bias)" in words[0]


def test_a_parameter_in_two_optimisers_is_refused():
    model = net()
    with pytest.raises(
        ConfigError, match=r"Two optimisers hold the same parameter.*2 in two or more.*\[7, 5\]"
    ):
        InnerStep(
            [SGD(model.parameters(), lr=0.1), SGD(model.trunk.parameters(), lr=0.1)], model.parameters()
        )


class Wrapper:
    """Steps as its `.optimizer`, or says so by its name."""

    def __init__(self, optimizer):
        self.optimizer = optimizer


def named(name):
    module, _, short = name.rpartition(".")
    return type(short, (Wrapper,), {"__module__": module, "__qualname__": short})


@pytest.mark.parametrize(
    "name",
    ["accelerate.optimizer.AcceleratedOptimizer", "lightning.pytorch.core.optimizer.LightningOptimizer"],
)
def test_wrappers_that_step_as_what_they_wrap_are_looked_into(name):
    model, kind = net(), named(name)
    aux = make(model, every=1)
    optimizer = SGD(model.parameters(), lr=0.1)
    aux(model(batch()["x"]), batch()).backward()
    assert aux.after_step([kind(kind(optimizer))], batch(1)) is not None


@pytest.mark.parametrize("wrong", [named("some.Lookahead"), lambda o: o.param_groups, lambda o: [o, None]])
def test_anything_else_is_refused_at_the_first_call(wrong):
    model = net()
    aux = make(model, every=25)
    optimizer = SGD(model.parameters(), lr=0.1)
    aux(model(batch()["x"]), batch()).backward()
    with pytest.raises(ConfigError, match="needs the network's optimiser"):
        aux.after_step(wrong(optimizer), batch(1))


@pytest.mark.parametrize("wrong", ["sgd", [], [0.1]])
def test_the_front_door_refuses_what_is_no_optimiser(wrong):
    layer, w = nn.Linear(1, 1), torch.tensor(1.0, requires_grad=True)
    problem = auxin.BilevelProblem(layer, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    with pytest.raises(ConfigError, match="needs the network's optimiser"):
        auxin.hypergradient(problem, (torch.ones(1, 1),), optimizer=wrong)
