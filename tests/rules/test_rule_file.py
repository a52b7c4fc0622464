"""Rule files: what is written comes back, and what is damaged is refused."""

import json

import pytest
import torch
from safetensors.torch import save_file

from auxin.errors import ConfigError, DataError, RunError
from auxin.rules.applied import LearnedRule
from auxin.rules.file import load_rule, save_rule
from auxin.update_rules.learned import Learned, preset_names


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    rule = Learned.preset("small", step_size=0.05)
    save_rule(rule, tmp_path / "rule.safetensors", {"seed": 3})
    return rule, tmp_path / "rule.safetensors"


def test_round_trip(saved):
    rule, path = saved
    again, card = load_rule(path)
    assert card == {"seed": 3}
    assert again.options == rule.options
    assert load_rule(path.parent)[1] == card, "the folder of a training run stands for its rule"
    state, x = rule.init_state((9, 4)), torch.rand(1, 6, 9)
    for a, b in zip(rule.step(state, x).tensors(), again.step(state, x).tensors(), strict=True):
        assert torch.equal(a, b)


def test_corrupt_file(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read"):
        load_rule(path)


def test_file_that_is_no_safetensors(tmp_path):
    (tmp_path / "x.pt").write_bytes(b"not at all")
    with pytest.raises(DataError, match="cannot be read"):
        load_rule(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"version": "99"}, "version 99"),
        ({"format": "other"}, "other version"),
        ({"options": "{"}, "damaged"),
        ({"options": '{"nonsense": 1}'}, "damaged"),
        ({"options": '{"channels": 5}'}, "damaged"),
        ({"options": '{"channels": "16"}'}, "channels is of another type"),
        ({"options": '{"gain": [1]}'}, "gain is of another type"),
        ({"options": '{"divide": 1}'}, "divide is of another type"),
        ({"options": '{"decay": 1e400}'}, "decay is of another type"),
        ({"options": '{"terms": "hebb"}'}, "terms is of another type"),
        ({"options": '{"bias_std": -1.0}'}, "bias_std is negative"),
        ({"options": '{"kernel_batch": -1}'}, "kernel_batch"),
        ({"options": '{"decay": -1.0}'}, "decay is negative"),
        ({"options": '{"gain": 0.0}'}, "gain is too small"),
        ({"options": '{"ridge": 0.0}'}, "ridge is too small"),
        ({"options": '{"sharpness": -4.0}'}, "sharpness is too small"),
        ({"card": "[]"}, "its card is list"),
    ],
)
def test_another_kind_or_version(saved, change, found):
    rule, path = saved
    metadata = {"format": "auxin.rule", "version": "1", "options": json.dumps(rule.options), "card": "{}"}
    save_file(rule.state_dict(), str(path), {**metadata, **change})
    with pytest.raises(DataError, match=found):
        load_rule(path)


def test_numbers_that_are_not_finite(saved):
    rule, path = saved
    with torch.no_grad():
        rule.read_delta.bias[0] = torch.nan
    save_rule(rule, path)
    with pytest.raises(DataError, match="not finite"):
        load_rule(path)


def test_unknown_name():
    with pytest.raises(DataError, match="no rule 'nonsense'"):
        load_rule("nonsense")
    with pytest.raises(ConfigError, match="preset"):
        Learned.preset("nonsense")
    assert preset_names() == ["paper", "small"]


def test_a_rule_of_valid_numbers_that_cannot_train_says_so() -> None:
    rows = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
    for change, said in (("ridge", "has no solution on these rows"), ("bias", "diverged within 2 steps")):
        learned = LearnedRule.load("small")
        with torch.no_grad():
            if change == "ridge":
                learned.rule.weight_update.log_ridge.fill_(-1e30)
            else:
                learned.rule.bias_update.read.weight.fill_(3e38)
        with pytest.raises(RunError, match=said):
            learned.fit(rows, hidden=(5,), width=4, steps=2, batch=40)


def test_a_spread_of_zero_starts_weights_at_zero() -> None:
    state = Learned.preset("small", weight_std=0.0, bias_std=0.0).init_state((6, 4), 1)
    assert not state.weights[0].any()
    assert not state.biases[0].any()
