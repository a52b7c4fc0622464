"""The one-step look-ahead against full double backward through the optimiser's own step, in float64."""

import pytest
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam, RMSprop

from auxin.hypergradients.lookahead import Lookahead
from auxin.math import row_blocks
from auxin.optimizers import InnerStep
from oracles import PROBLEMS, TRUNKS, doubles, images, lookahead_reference, make, relative, warm

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.3),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, dampening=0.2),
    "nesterov": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: Adam(p, lr=0.01, weight_decay=0.01),
    "amsgrad": lambda p: Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: AdamW(p, lr=0.01, weight_decay=0.1),
    "maximize": lambda p: AdamW(p, lr=0.01, maximize=True),
    "rmsprop": lambda p: RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda p: Adagrad(p, lr=0.1, lr_decay=0.1),
    "nadam": lambda p: NAdam(p, lr=0.01),
}


def check(problem, optimizer, train, meta, tolerance=1e-12, **clip):
    expected = lookahead_reference(problem, train, meta, optimizer, **clip)
    step = InnerStep(optimizer, problem.network.parameters(), **clip)
    found = Lookahead(mode="forward").estimate(problem, train, meta, step)
    assert relative(found.gradients, expected) < tolerance
    return found


@pytest.mark.parametrize("trunk", TRUNKS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_double_backward_for_every_optimiser_and_network(name, trunk):
    problem = make(trunk)
    optimizer = OPTIMIZERS[name](list(problem.network.parameters()))
    with doubles():
        warm(optimizer)
    check(problem, optimizer, images(seed=1), images(seed=2))


def test_equals_double_backward_by_blocks_of_rows(monkeypatch):
    monkeypatch.setattr(row_blocks, "BLOCK", 0)
    problem = make("batch_norm")
    check(problem, SGD(problem.network.parameters(), lr=0.1), images(seed=1), images(seed=2))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_equals_double_backward_before_the_first_step(name):
    problem = make("mlp")
    optimizer = OPTIMIZERS[name](list(problem.network.parameters()))
    # A cold Adam's pullback is a difference of nearly equal numbers: 1e-8 of it is left, and as many digits.
    check(problem, optimizer, images(seed=1), images(seed=2), tolerance=1e-12 if name in STEADY else 1e-5)


STEADY = ("sgd", "momentum", "nesterov", "adagrad")


@pytest.mark.parametrize("kind", PROBLEMS)
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.1}, {"clip_norm": 1e3}, {"clip_value": 0.01}], ids=str)
def test_every_kind_of_phi_and_clipping(kind, clip):
    problem = make("batch_norm", kind)
    optimizer = SGD(problem.network.parameters(), lr=0.1, momentum=0.9)
    with doubles():
        warm(optimizer)
    check(problem, optimizer, images(seed=1), images(seed=2), **clip)


@pytest.mark.parametrize("meta", ["same", "next", "held_out_of_another_size"])
def test_meta_batch(meta):
    train = images(seed=1)
    batch = {"same": train, "next": images(seed=2), "held_out_of_another_size": images(rows=4, seed=3)}[meta]
    problem = make("dropout")
    optimizer = Adam(problem.network.parameters(), lr=0.1)
    with doubles():
        warm(optimizer)
    check(problem, optimizer, train, batch)
    check(problem, SGD(problem.network.parameters(), lr=0.1), train, batch)
