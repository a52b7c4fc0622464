"""The T-step adjoint recursion against one autograd graph through all steps."""

import copy

import pytest
import torch
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop

from auxin.errors import ConfigError
from auxin.hypergradients.lookahead import Lookahead
from auxin.hypergradients.unrolled import Unrolled
from auxin.optimizers import InnerStep
from oracles import doubles, images, make, relative, unrolled_reference, warm

META = images(seed=9)
OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.3),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: Adam(p, lr=0.03, weight_decay=0.01),
    "amsgrad": lambda p: AdamW(p, lr=0.03, amsgrad=True),
    "rmsprop": lambda p: RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "nadam": lambda p: NAdam(p, lr=0.03),
}


def setup(name="momentum", trunk="mlp", kind="soft_labels", steps=4):
    problem = make(trunk, kind)
    optimizer = OPTIMIZERS[name](list(problem.network.parameters()))
    with doubles():
        warm(optimizer, steps=2)
    step = InnerStep(optimizer, problem.network.parameters())
    return problem, optimizer, step, [images(seed=s) for s in range(steps)]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("trunk", ["batch_norm", "dropout", "attention"])
def test_equals_one_graph_through_all_steps(name, trunk):
    problem, optimizer, step, batches = setup(name, trunk)
    expected = unrolled_reference(problem, batches, META, optimizer)
    with doubles():
        found = Unrolled().estimate(problem, batches, META, step)
    assert relative(found.gradients, expected) < 1e-12


@pytest.mark.parametrize("kind", ["soft_labels", "sample_weights", "combiner"])
def test_every_kind_of_phi_from_a_fresh_optimiser(kind):
    problem = make("mlp", kind)
    optimizer = SGD(problem.network.parameters(), lr=0.1, momentum=0.9)
    step = InnerStep(optimizer, problem.network.parameters())
    batches = [images(seed=s) for s in range(3)]
    expected = unrolled_reference(problem, batches, META, optimizer)
    assert relative(Unrolled().estimate(problem, batches, META, step).gradients, expected) < 1e-12


@pytest.mark.parametrize("segment", [1, 2, 3, 4, 7, 100, 0])
def test_segments_change_nothing(segment):
    problem, _, step, batches = setup("adam", "dropout", steps=7)
    whole = Unrolled().estimate(problem, batches, META, step)
    parts = Unrolled(segment=segment).estimate(problem, batches, META, step)
    assert relative(parts.gradients, whole.gradients) == 0


def test_one_step_is_the_look_ahead():
    problem, _, step, batches = setup("adam", "dropout", steps=1)
    one = Lookahead().estimate(problem, batches[0], META, step, scale="unit")
    found = Unrolled(steps=1).estimate(problem, batches[0], META, step, scale="unit")
    assert relative(found.gradients, one.gradients) < 1e-12
    assert torch.equal(found.outer_loss, one.outer_loss)


def test_nothing_moves_and_the_auxiliary_buffers_once():
    problem, optimizer, step, batches = setup("adam", "batch_norm")
    twin = copy.deepcopy(problem.auxiliary[0])
    twin(batches[0])
    network, state = copy.deepcopy(problem.network.state_dict()), copy.deepcopy(optimizer.state_dict())
    rng = torch.get_rng_state()
    Unrolled(segment=2).estimate(problem, batches, META, step)
    assert torch.equal(rng, torch.get_rng_state())
    for k, v in problem.network.state_dict().items():
        assert torch.equal(v, network[k])
    for i, own in optimizer.state_dict()["state"].items():
        assert all(torch.equal(v, state["state"][i][k]) for k, v in own.items())
    assert all(torch.equal(a, b) for a, b in zip(problem.auxiliary[0].buffers(), twin.buffers(), strict=True))


def test_bad_input():
    with pytest.raises(ConfigError, match="positive"):
        Unrolled(steps=0)
    problem, _, _, batches = setup()
    with pytest.raises(ConfigError, match="optimiser"):
        Unrolled().estimate(problem, batches, META)
