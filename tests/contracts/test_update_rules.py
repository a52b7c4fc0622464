"""What every member of the update rules does."""

import pytest
import torch

from auxin import catalogue
from auxin.errors import ConfigError, DataError
from auxin.update_rules.base import UpdateRule

NAMES = catalogue.names("update_rules")


def build(name):
    torch.manual_seed(0)
    member = catalogue.load("update_rules", name)
    return member(embedding=0, channels=5, delta_channels=3, rank=2) if name == "learned" else member()


def start(rule, tasks=2):
    g = torch.Generator().manual_seed(1)
    return rule.init_state((7, 6, 4), tasks, g), torch.rand(tasks, 9, 7, generator=g)


def test_the_sweep_sees_the_family():
    assert {"learned", "hebb", "gradient"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_keeps_shapes_and_moves_weights(name):
    rule = build(name)
    assert isinstance(rule, UpdateRule)
    state, x = start(rule)
    before = [t.clone() for t in state.tensors()]
    after = rule.step(state, x)
    assert after.age == 1
    assert [t.shape for t in after.tensors()] == [t.shape for t in before]
    assert all(torch.equal(a, b) for a, b in zip(state.tensors(), before, strict=True))
    assert all((a != b).any() for a, b in zip(after.weights, state.weights, strict=True))
    assert all(torch.isfinite(t).all() for t in after.tensors())
    assert rule.features(after, x).shape == (2, 9, 4)


@pytest.mark.parametrize("name", NAMES)
def test_tasks_are_independent(name):
    rule = build(name)
    state, x = start(rule)
    both = rule.step(state, x).tensors()
    one = rule.step(state.with_tensors([t[:1] for t in state.tensors()]), x[:1]).tensors()
    for a, b in zip(both, one, strict=True):
        torch.testing.assert_close(a[:1], b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_steps_stay_bounded(name):
    rule = build(name)
    state, x = start(rule)
    with torch.no_grad():
        for _ in range(100):
            state = rule.step(state, x)
    assert all(torch.isfinite(t).all() and t.abs().max() < 50 for t in state.tensors())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "silu", "tanh", "step", "linear"])
def test_activations(name, activation):
    rule = build(name)
    state, x = start(rule)
    assert all(torch.isfinite(t).all() for t in rule.step(state, x, activation).tensors())


@pytest.mark.parametrize("name", NAMES)
def test_bad_input_is_refused(name):
    rule = build(name)
    state, x = start(rule)
    with pytest.raises(DataError, match="do not fit"):
        rule.step(state, x[0])
    with pytest.raises(ConfigError, match="Unknown activation"):
        rule.step(state, x, "nonsense")
    with pytest.raises(ConfigError, match="at least one layer"):
        rule.init_state((7,))
