"""Text through a pretrained model of `transformers`: all the way, with a tiny BERT that knows nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from auxin.cli import main
from auxin.errors import ConfigError
from auxin.exported.export import to_torch
from auxin.exported.model import load_model
from auxin.models import build_network
from auxin.tasks.classes import Classes

transformers = pytest.importorskip("transformers", reason="needs the extra `pretrained`")
TASKS = {"y": Classes("y", 3)}
WORDS = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "film", "good", "bad", "dull", "fine"]
ROWS = 60
QUICK = ["--set", "steps=3", "--jobs", "1", "--tries", "1"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "bert"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=12,
    )
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(folder)
    made = transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)}, model_max_length=12)
    made.save_pretrained(folder)
    return folder


def table(folder: Path) -> str:
    draw = np.random.default_rng(0)
    y = np.arange(ROWS) % 2
    told = [" ".join([*draw.choice(WORDS[:10], 6), "good" if label else "bad"]) for label in y]
    frame = pd.DataFrame(
        {"told": told, "size": draw.normal(size=ROWS), "stars": y + draw.normal(size=ROWS), "y": y}
    )
    frame.to_csv(folder / "t.csv", index=False)
    return str(folder / "t.csv")


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main([*arguments])
    return int(stop.value.code or 0)


def test_the_mean_over_tokens_beside_the_other_inputs(bert: Path) -> None:
    network = build_network(f"pretrained:{bert}", (2 + 4 + 3,), TASKS, seed=0, texts="4+3")
    numbers = torch.tensor([[2, 5, 6, 3, 2, 7, 3], [2, 8, 3, -1, 2, 3, -1]])
    x = torch.cat([torch.randn(2, 2), numbers.float()], 1)
    features = network.train().trunk(x)
    model = transformers.BertModel.from_pretrained(bert).eval()
    for row, (first, second) in enumerate([((2, 5, 6, 3), (2, 7, 3)), ((2, 8, 3), (2, 3))]):
        expected = [x[row, :2]]
        for tokens in (first, second):
            expected.append(model(input_ids=torch.tensor([tokens])).last_hidden_state[0].mean(0))
        assert torch.allclose(features[row], torch.cat(expected), atol=1e-6)
    frozen = build_network(f"pretrained:{bert}", (7,), TASKS, seed=0, texts="4+3", frozen=True, layer=5)
    assert frozen(numbers.float())["y"].shape == (2, 3)
    assert len(frozen.shared_parameters()) == 2  # the layer's weights and biases
    empty = network.trunk(torch.full((1, 9), -1.0))
    assert bool(empty.isfinite().all())


def test_compare_tries_it_from_scratch_too(bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    asked = [
        "compare",
        table(tmp_path),
        "--target",
        "y",
        "--aux",
        "stars",
        "--text",
        "told",
        *QUICK,
        "--seeds",
        "2",
    ]
    model = ["--model", f"pretrained:{bert}"]
    methods = "equal,gradient_cosine,linear,maxl,denoising"
    out = tmp_path / "out"
    assert call(*asked, *model, "--methods", methods.replace(",denoising", ""), "--out", str(out)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "From random weights instead of the pretrained ones" in said
    settings = {
        name: json.loads((out / "runs/final" / name / "final/seed-0/result.json").read_text())["settings"]
        for name in ("single", "scratch")
    }
    assert (settings["single"]["optimizer"], settings["single"]["lr"]) == ("adamw", 1e-4)
    assert (settings["scratch"]["model"], settings["scratch"]["optimizer"]) == ("mlp", "sgd")
    assert call(*asked, *model, "--methods", "denoising") == 2
    assert "text tokens" in " ".join(capsys.readouterr().err.split())


def fit(bert: Path, folder: Path, frozen: str) -> tuple[str, str]:
    """The table and the folder of the model that `auxin fit` trained on it."""
    path, out = table(folder), str(folder / "m")
    asked = ["--target", "y", "--aux", "stars", "--text", "told", "--method", "equal", "--draws", "1"]
    own = ["--model", f"pretrained:{bert}", "--set", f"model.frozen={frozen}"]
    assert call("fit", path, *asked, *QUICK, *own, "--out", out) == 0
    return path, out


@pytest.fixture(scope="module")
def tuned(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return fit(bert, tmp_path_factory.mktemp("tuned"), "false")


@pytest.mark.parametrize("frozen", ["false", "true"])
def test_fit_predict_and_export(bert: Path, tuned: tuple[str, str], tmp_path: Path, frozen: str) -> None:
    path, out = tuned if frozen == "false" else fit(bert, tmp_path, frozen)
    assert call("predict", out, path, "--out", str(tmp_path / "p.csv")) == 0
    found: Any = pd.read_csv(tmp_path / "p.csv")
    model = load_model(out)
    x = model.inputs(path)
    assert torch.allclose(model.predict(x).probabilities[:, 1].float(), torch.tensor(found["p(1)"]).float())  # type: ignore[index]
    alone = torch.cat([model.predict(row[None]).probabilities for row in x[:7]])  # type: ignore[misc]
    assert torch.allclose(alone, model.predict(x).probabilities[:7], atol=1e-9)  # type: ignore[index]
    to_torch(model, tmp_path / "m.pt2")
    program = torch.export.load(str(tmp_path / "m.pt2")).module()
    assert torch.allclose(program(x), model.predictor(x), atol=1e-5)


def test_what_does_not_go_together_is_said(bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ConfigError, match=r"does not take these inputs.*Expected text.*Found images"):
        build_network(f"pretrained:{bert}", (3, 8, 8), TASKS, seed=0)
    with pytest.raises(ConfigError, match=r"Found numbers without a text column"):
        build_network(f"pretrained:{bert}", (5,), TASKS, seed=0)
    bare = tmp_path / "bare"
    transformers.BertModel.from_pretrained(bert).save_pretrained(bare)
    asked = ["compare", table(tmp_path), "--target", "y", "--text", "told", *QUICK]
    assert call(*asked, "--model", f"pretrained:{bare}") == 2
    assert "has no tokenizer" in " ".join(capsys.readouterr().err.split())


def test_onnx_gives_the_same(tuned: tuple[str, str], tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
    pytest.importorskip("onnxscript", reason="needs the extra `onnx`")
    path, out = tuned
    assert call("export", out, "--onnx", str(tmp_path / "m.onnx")) == 0
    model = load_model(out)
    x = model.inputs(path)
    found = runtime.InferenceSession(str(tmp_path / "m.onnx")).run(None, {"x": x.numpy()})[0]
    assert np.allclose(found, model.predictor(x).numpy(), atol=1e-5)
