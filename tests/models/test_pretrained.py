"""Backbones that are there already: weights of a file, folders of `transformers`, and the user's own factory."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from auxin.data.encoders.tokens import Tokens
from auxin.errors import ConfigError
from auxin.models import build_network
from auxin.tasks.classes import Classes

TASKS = {"y": Classes("y", 3)}


def test_a_file_of_weights_is_the_trunk_that_was_trained(tmp_path: Path) -> None:
    before = build_network("mlp", (5,), TASKS, seed=1, hidden=4)
    save_file(before.state_dict(), tmp_path / "network.safetensors")
    name = f"pretrained:{tmp_path / 'network.safetensors'}"
    after = build_network(name, (5,), TASKS, seed=2, body="mlp", hidden=4)
    x = torch.randn(6, 5)
    assert torch.equal(after.trunk(x), before.trunk(x))
    with pytest.raises(ConfigError, match="do not fit the trunk 'mlp'"):
        build_network(name, (5,), TASKS, seed=2, body="mlp", hidden=7)
    with pytest.raises(ConfigError, match="no pretrained model at this path"):
        build_network("pretrained:nowhere", (5,), TASKS, seed=2)


def test_a_folder_of_transformers_is_a_trunk(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra `pretrained`")
    config = transformers.ViTConfig(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        image_size=8,
        patch_size=4,
    )
    torch.manual_seed(0)
    model = transformers.ViTModel(config).eval()
    model.save_pretrained(tmp_path / "vit")
    network = build_network(f"pretrained:{tmp_path / 'vit'}", (3, 8, 8), TASKS, seed=0).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = model(pixel_values=x).pooler_output
    assert torch.allclose(network.trunk(x), expected, atol=1e-6)
    assert network(torch.randn(2, 3, 8, 8))["y"].shape == (2, 3)
    grey = build_network(f"pretrained:{tmp_path / 'vit'}", (1, 13, 10), TASKS, seed=0)
    assert grey(torch.randn(2, 1, 13, 10))["y"].shape == (2, 3)
    with pytest.raises(ConfigError, match="does not take these inputs"):
        build_network(f"pretrained:{tmp_path / 'vit'}", (5,), TASKS, seed=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="cannot be loaded"):
        build_network(f"pretrained:{tmp_path / 'empty'}", (3, 8, 8), TASKS, seed=0)


def test_code_in_a_folder_of_transformers_is_neither_run_nor_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra `pretrained`")
    (tmp_path / "own.py").write_text(
        f"from pathlib import Path\nfrom transformers import PretrainedConfig, PreTrainedModel\n"
        f"Path({str(tmp_path / 'run')!r}).touch()\n"
        f"class C(PretrainedConfig):\n    model_type = 'own'\nclass M(PreTrainedModel):\n    config_class = C\n"
    )
    auto = {"AutoConfig": "own.C", "AutoModel": "own.M"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": auto}))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"auto_map": {"AutoTokenizer": ["own.C", None]}})
    )
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        build_network(f"pretrained:{tmp_path}", (3, 8, 8), TASKS, seed=0)
    with pytest.raises(ConfigError, match="no tokenizer"):
        Tokens("text", str(tmp_path)).fit(pd.Series(["a", "b"]))
    assert not (tmp_path / "run").exists()
    transformers.AutoConfig.from_pretrained(str(tmp_path), local_files_only=True)  # where asked, "y" runs it
    assert (tmp_path / "run").exists()


def test_the_users_own_factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_for_auxin.py").write_text(
        "from torch import nn\n"
        "def small(shape, hidden=3):\n    return nn.Sequential(nn.Flatten(), nn.LazyLinear(hidden), nn.ReLU())\n"
        "def words(shape):\n    return 'no module'\n"
    )
    monkeypatch.chdir(tmp_path)
    network = build_network("mine_for_auxin:small", (2, 4, 4), TASKS, seed=0, hidden=6)
    assert (network.trunk.width, network(torch.zeros(2, 2, 4, 4))["y"].shape) == (6, (2, 3))
    again = build_network("mine_for_auxin:small", (2, 4, 4), TASKS, seed=0, hidden=6)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    for name, says in (
        ("mine_for_auxin:absent", "no function 'absent'"),
        ("nothing_of_the_kind:f", "no module 'nothing_of_the_kind'"),
        ("mine_for_auxin:words", "gave no module"),
    ):
        with pytest.raises(ConfigError, match=says):
            build_network(name, (2, 4, 4), TASKS, seed=0)
    with pytest.raises(ConfigError, match="has no option 'depth'"):
        build_network("mine_for_auxin:small", (2, 4, 4), TASKS, seed=0, depth=1)
