"""`auxin rule`: train and resume, apply, evaluate, and what a user sees when something is wrong."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from auxin import cli


@pytest.fixture
def auxin(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as caught:
            cli.main(["rule", *map(str, words)])
        captured = capsys.readouterr()
        return caught.value.code or 0, captured.out, captured.err

    return run


QUICK = ("--quick", "--nets", 2, "--steps", "0,5", "--hidden", "8", "--jobs", 1)
SMALL = ("--procedural", "--updates", "3", "--tasks", "2", "--pools", "2", "--truncation", "1:2")


def test_train_writes_a_rule_that_applies(auxin, tmp_path):
    words = ("--set", "channels=4", "--kinds", "10,12", "--mix", "strokes=2")
    words += ("--hidden", "none", "--hidden", "6,5", "--activation", "tanh,mixed")
    code, out, _ = auxin("train", *SMALL, *words, "--out", tmp_path / "run", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["meta_trained_on"] == ["strokes", "textures", "mixtures"]
    assert "omniglot" in result["meta_tested_on"]
    assert result["settings"]["options"] == {"channels": 4}
    assert result["settings"]["kinds"] == [10, 12]
    assert result["settings"]["mix"]["strokes"] == 2.0
    assert result["settings"]["hidden"] == [[], [6, 5]]
    assert result["settings"]["activations"] == ["tanh", "mixed"]
    code, out, _ = auxin(
        "apply",
        result["rule"],
        "digits",
        "--hidden",
        "8",
        "--width",
        "5",
        "--steps",
        "2",
        "--out",
        tmp_path / "a",
    )
    assert code == 0
    with np.load(tmp_path / "a" / "features.npz") as file:
        assert file["features"].shape == (1797, 5)
        assert file["y"].shape == (1797,)
    network = load_file(tmp_path / "a" / "network.safetensors")
    assert network["weight.0"].shape == (64, 8)
    assert network["weight.1"].shape == (8, 5)
    assert json.loads((tmp_path / "a" / "apply.json").read_text())["widths"] == "64-8-5"


def test_the_units_of_a_tables_columns_do_not_matter(auxin, tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 3))
    found = {}
    for name, factor in (("metres", 1.0), ("millimetres", 1000.0)):
        lines = [f"{a},{b * factor},{c},{n % 2}" for n, (a, b, c) in enumerate(rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
        words = ("--target", "y", "--hidden", "4", "--width", "2", "--steps", "2", "--out", tmp_path / name)
        assert auxin("apply", "small", tmp_path / f"{name}.csv", *words)[0] == 0
        with np.load(tmp_path / name / "features.npz") as file:
            found[name] = file["features"]
        network = load_file(tmp_path / name / "network.safetensors")
        np.testing.assert_allclose(network["column.mean"][1], rows[:, 1].mean() * factor, rtol=1e-4)
    np.testing.assert_allclose(found["metres"], found["millimetres"], atol=1e-3)


def test_training_goes_on_where_it_stopped(auxin, tmp_path, monkeypatch):
    from auxin.requests.rule import TrainSettings
    from auxin.rules.train import RuleRun

    settings = TrainSettings(
        updates=4,
        tasks=2,
        pools=2,
        truncation=(1, 2),
        mix={"strokes": 0.35, "textures": 0.3, "mixtures": 0.15},
    )
    whole = RuleRun(settings, tmp_path / "whole")
    list(whole.run())
    broken = RuleRun(settings, tmp_path / "broken").run(interval=0.0)
    next(broken), next(broken)
    broken.close()
    words = ("--procedural", "--updates", 4, "--tasks", 2, "--pools", 2, "--truncation", "1:2")
    code, out, _ = auxin("train", *words, "--out", tmp_path / "broken")
    assert code == 0
    assert "Resuming from update 2" in out
    first, second = (load_file(tmp_path / name / "rule.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_ranks_resume_at_the_newest_update_that_all_have_saved(tmp_path, monkeypatch):
    from auxin.requests.rule import TrainSettings
    from auxin.rules import train as training

    settings = TrainSettings(
        updates=4, tasks=2, pools=2, truncation=(1, 2), mix={"strokes": 0.5, "textures": 0.5}
    )
    list(training.RuleRun(settings, tmp_path / "whole").run())
    run = training.RuleRun(settings, tmp_path / "ranks").run(interval=0.0)
    next(run), next(run)
    newest = tmp_path / "ranks" / "checkpoint.pt"
    newest.with_suffix(training.FORMER).write_bytes(newest.read_bytes())
    next(run)
    run.close()
    monkeypatch.setattr(training, "_everywhere", lambda own: [own, {1, 2}])
    resumed = training.RuleRun(settings, tmp_path / "ranks")
    assert resumed.trainer.update == 2
    list(resumed.run())
    first, second = (load_file(tmp_path / name / "rule.safetensors") for name in ("whole", "ranks"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    monkeypatch.setattr(training, "_everywhere", lambda own: [own, set()])
    assert training.RuleRun(settings, tmp_path / "ranks").trainer.update == 0


def test_a_folder_with_another_run_is_refused(auxin, tmp_path):
    assert auxin("train", *SMALL, "--out", tmp_path)[0] == 0
    code, _, err = auxin("train", *SMALL, "--seed", 1, "--out", tmp_path)
    assert code == 2
    assert "different study" in err


def test_data_of_ones_own_and_data_that_arrive(auxin, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("mine", "later"):
        np.savez(tmp_path / f"{name}.npz", x=rng.random((60, 9)).astype(np.float32), y=np.arange(60) % 3)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "later.npz").rename(tmp_path / "inbox" / "later.npz")
    words = ("--data", tmp_path / "mine.npz", "--watch", tmp_path / "inbox", "--length", "1:1", "--json")
    code, out, _ = auxin("train", *SMALL, *words, "--out", tmp_path / "run")
    assert code == 0
    card = json.loads(out)
    assert card["meta_trained_on"] == ["strokes", "textures", "mixtures", "mine", "later"]
    assert card["notes"] == ["later.npz joined at update 0"]


def test_evaluate(auxin, tmp_path):
    words = (*QUICK, "--out", tmp_path)
    code, out, _ = auxin("evaluate", *words, "--json")
    assert code == 0
    (result,) = json.loads(out)
    assert {"raw", "pca", "pca_whitened", "kmeans", "hand_rule", "untrained_rule", "small"} <= set(
        result["rows"]
    )
    assert result["rows"]["raw"]["tuned"][0] > 0.7
    assert abs(result["shuffled_labels"]["small"]["plain"][0] - 0.1) < 0.08
    assert {p.name for p in tmp_path.glob("*.png")} == {
        f"digits-{kind}.png" for kind in ("curves", "embedding", "fields")
    }
    parts = {file.name: file.read_bytes() for file in (tmp_path / "parts" / "digits").glob("*.json")}
    assert auxin("evaluate", *words, "--json")[0] == 0
    first = {file.name: file.read_bytes() for file in (tmp_path / "parts" / "digits").glob("*.json")}
    assert first == parts  # nothing was measured again


@pytest.mark.slow
def test_evaluate_draws_the_grid(auxin, tmp_path):
    words = ("--quick", "--nets", 2, "--steps", "0,2", "--hidden", "8", "--grid", "--out", tmp_path)
    code, out, _ = auxin("evaluate", *words, "--json")
    assert code == 0
    assert len(json.loads(out)[0]["grid"]) == 18
    assert (tmp_path / "digits-grid.png").is_file()


def test_evaluate_on_a_file_of_ones_own(auxin, tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = rng.normal(size=(120, 12)).astype(np.float32) + 3 * np.eye(12, dtype=np.float32)[y]
    np.savez(tmp_path / "mine.npz", x=x, label=y)
    words = (
        "--target",
        "label",
        *QUICK,
        "--width",
        4,
        "--out",
        tmp_path / "e",
    )
    code, out, _ = auxin("evaluate", "small", tmp_path / "mine.npz", *words)
    assert code == 0
    assert "k-means" in out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("apply", "nonsense", "digits"), "no rule 'nonsense'"),
        (("apply", "small", "digits", "--hidden", "a,b"), "not of whole numbers"),
        (("apply", "small", "digits", "--activation", "nonsense"), "'step', 'linear' or"),
        (("apply", "small", "digits", "--batch", "5000"), "There are fewer rows than the batch size"),
        (("evaluate", "small", "nonsense"), "Unknown data set"),
        (("evaluate", "small", "omniglot"), "Where is omniglot"),
        (("evaluate", "small", "digits", "--shots", "200"), "Class 8 of digits has too few rows"),
        (("train", "--preset", "nonsense"), "Unknown preset"),
        (("train", "--procedural", "--truncation", "x"), "The range is invalid"),
        (("train", "--procedural", "--kinds", "x"), "not of whole numbers"),
        (("train", "--procedural", "--hidden", "x"), "not of whole numbers"),
        (("train", "--procedural", "--activation", "nonsense"), "'step', 'linear' or"),
        (("train", "--procedural", "--mix", "nonsense=1"), "Unknown task family"),
        (("train", "--procedural", "--mix", "strokes=x"), "The weight is invalid"),
        (("train", "--procedural", "--estimator", "nonsense"), "Unknown estimator"),
        (("train", "--procedural", "--objective", "nonsense"), "Unknown objective"),
        (("train", "--procedural", "--set", "nonsense"), "NAME=VALUE"),
        (("train", "--procedural", "--set", "nonsense=1"), "no option"),
        (("train",), "no folder to read it from"),
    ],
)
def test_what_is_wrong_is_said(auxin, words, found):
    code, out, err = auxin(*words)
    assert code == 2
    assert out.count("Traceback") == 0
    assert found in " ".join(err.split())


def test_a_damaged_rule_file(auxin, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"damaged")
    code, _, err = auxin("apply", tmp_path / "x.safetensors", "digits")
    assert code == 2
    assert "cannot be read" in err
