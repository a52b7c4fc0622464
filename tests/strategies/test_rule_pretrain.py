"""Pretraining by a learned rule: the trunk holds the rule's features exactly, and every training row is used."""

from pathlib import Path

import pytest
import torch
from strategy_cases import follow, job, spec

from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.rules.applied import LearnedRule
from auxin.strategies.base import Phase
from auxin.strategies.rule_pretrain import RulePretrain, _copied, _rows, _rule


@pytest.mark.parametrize("channels", [1, 3])
def test_the_trunk_holds_the_features_exactly(channels: int) -> None:
    x = torch.rand(80, channels, 3, 4, generator=torch.Generator().manual_seed(0)) * 7 - 2
    grey = x.mean(1).flatten(1)
    rule = LearnedRule.load("small").fit(grey, hidden=(9,), width=3, steps=5, batch=16)
    layers = [torch.nn.Linear(12 * channels, 9), torch.nn.Linear(9, 7)]
    drawn = layers[1].weight.detach().clone()
    made = _copied(rule.weights(), [("a", layers[0]), ("b", layers[1])], channels, twice=True)
    for name, layer in zip("ab", layers, strict=True):
        layer.load_state_dict({k: made[f"{name}.{k}"] for k in ("weight", "bias")})
    top = torch.relu(layers[1](torch.relu(layers[0](x.flatten(1)))))
    torch.testing.assert_close(top[:, :3] - top[:, 3:6], rule.transform(grey), rtol=1e-4, atol=1e-4)
    assert torch.equal(layers[1].weight[6], drawn[6])


def test_it_learns_from_every_row_that_may_train(tmp_path: Path) -> None:
    asked = spec("learned_rule", tmp_path, final=False, held_out=0.2)
    given = job(asked)
    splits = given.roles(Phase())
    run = given.build(given.phase("features"))
    parts = [splits.train, splits.unlabelled, splits.auxiliary]
    assert len(_rows(run.state.feed)) == sum(map(len, parts))
    assert not set(torch.cat(parts).tolist()) & set(splits.validation.tolist() + splits.development.tolist())


def test_the_network_begins_from_the_rule(tmp_path: Path) -> None:
    outcome, given = follow(spec("learned_rule", tmp_path / "a", steps=12, lr=1e-9, momentum=0.0))
    weights, rows = RulePretrain()._features(given.build(given.phase("features")))
    own = outcome.run.network.state_dict()
    for name, value in weights.items():
        torch.testing.assert_close(own[name], value, rtol=1e-4, atol=1e-5)
    assert f"{rows:,} rows without labels" in outcome.notes[0]


@pytest.mark.parametrize("odd", [{"model__activation": "tanh"}, {"model__norm": "batch"}])
def test_a_trunk_that_the_rule_cannot_train(odd: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot train this trunk"):
        follow(spec("learned_rule", tmp_path, **odd))


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="out of range"):
        RulePretrain(rule_steps=0)


def test_the_twin_begins_from_a_rule_that_was_never_trained(tmp_path: Path) -> None:
    assert resolve("learned_rule").twin == "untrained_rule"
    assert resolve("untrained_rule").control
    outcome, _ = follow(spec("untrained_rule", tmp_path))
    assert "'untrained'" in outcome.notes[0]
    first, again, other = (_rule("untrained", seed).rule.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)
