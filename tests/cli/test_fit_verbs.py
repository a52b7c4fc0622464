"""`auxin fit`, `predict`, `export` as a user calls them, tiny: a table, images, an array; again, and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from auxin.cli import main
from auxin.data import Dataset, load
from auxin.errors import RunError
from auxin.exported import files
from auxin.exported.model import load_model
from auxin.folders import LOCK
from auxin.tasks.classes import Classes

TINY = ["--set", "steps=12", "--set", "model.hidden=8", "--tries", "1", "--draws", "1", "--jobs", "1"]


def auxin(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


def houses(rows: int = 80, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size, city = rng.normal(100, 20, rows).round(2), rng.choice(["Bonn", "Kiel", "Ulm"], rows)
    price = 3 * size + 40 * (city == "Ulm") + rng.normal(0, 3, rows)
    kind = np.where(size > 100, "large", "small")
    return pd.DataFrame(
        {"size": size, "city": city, "price": price.round(3), "rooms": size // 30, "kind": kind}
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    houses().to_csv(folder / "h.csv", index=False)
    words = [folder / "h.csv", "--target", "kind", "--aux", "price", "--method", "equal", "--no-guard"]
    assert auxin("fit", *words, "--test", "0.2", "--out", folder / "m", *TINY) == 0
    return folder


def test_the_folder_is_a_model_and_its_record(fitted: Path) -> None:
    model = load_model(fitted / "m")
    record = model.training
    assert (record.method, record.metric, record.data) == ("equal", "accuracy", "h")
    assert record.test is not None
    assert record.rows["development"] == 8
    assert record.settings["steps"] == 12
    assert len(record.split_hash) == 64
    assert record.command.startswith("auxin ")
    assert record.versions["torch"]
    assert model.labels == ["large", "small"]
    assert "price" not in " ".join(model.predictor.state_dict())


def test_predictions_keep_the_rows_and_say_the_score(fitted: Path, capsys: pytest.CaptureFixture) -> None:
    new = houses(6, seed=1).drop(columns="price")
    new.loc[2, "city"] = "Rom"
    new.loc[3, "size"] = np.nan
    new["id"] = [f"h{k}" for k in range(6)]
    new.to_csv(fitted / "new.csv", index=False)
    for ending in (".csv", ".parquet", ".npz"):
        out = fitted / f"p{ending}"
        assert auxin("predict", fitted / "m", fitted / "new.csv", "--out", out, "--keep", "id", "--json") == 0
        said = capsys.readouterr()
        assert "'Rom'" in said.err
        found = json.loads(said.out)
        assert (found["rows"], found["labelled"]) == (6, 6)
    table = pd.read_csv(fitted / "p.csv")
    assert list(table.columns) == ["row", "id", "prediction", "p(large)", "p(small)"]
    assert table["id"].tolist() == new["id"].tolist()
    pd.testing.assert_frame_equal(table, pd.read_parquet(fitted / "p.parquet"), check_dtype=False)
    assert np.load(fitted / "p.npz")["prediction"].shape == (6,)
    np.testing.assert_allclose(table[["p(large)", "p(small)"]].sum(axis=1), 1.0)
    hits = (table["prediction"] == new["kind"]).mean()
    assert found["score"] == pytest.approx(hits)


def test_rows_in_another_order_are_predicted_the_same(fitted: Path) -> None:
    model, new = load_model(fitted / "m"), houses(20, seed=2)
    whole = model.predict(model.inputs(new, print)).probabilities
    turned = model.predict(model.inputs(new.iloc[::-1], print)).probabilities
    alone = torch.cat([model.predict(model.inputs(new.iloc[[k]], print)).probabilities for k in range(20)])
    torch.testing.assert_close(whole, turned.flip(0), rtol=0, atol=1e-13)
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-13)


def test_the_export_takes_what_the_encoder_gives(fitted: Path, capsys: pytest.CaptureFixture) -> None:
    assert auxin("export", fitted / "m", "--torch", fitted / "m.pt2") == 0
    assert "x of new rows, in Python: auxin.load_model(" in capsys.readouterr().out
    model = load_model(fitted / "m")
    x = model.inputs(houses(5, seed=3), print)
    program = torch.export.load(fitted / "m.pt2").module()
    torch.testing.assert_close(program(x).double(), model.predict(x).probabilities, rtol=0, atol=1e-5)
    assert auxin("export", fitted / "m") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict", "m", "nowhere.csv"], "nowhere.csv"),
        (["predict", "m", "short.csv"], "short.csv: Columns that the model was trained on are missing"),
        (["predict", "m", "new.csv", "--out", "p.xls"], "Expected .csv or .parquet or .npz"),
        (["predict", "m", "h.csv", "--keep", "idd"], "no column 'idd' to carry over"),
        (["predict", "m", "h.csv", "--level", "20:100"], "--level is for data sets that auxin knows by name"),
        (["predict", "m", "cifar10", "--out", "p.csv"], "Expected --root DIR"),
        (["predict", "nomodel", "h.csv"], "is not a saved model"),
        (
            ["fit", "h.csv", "--target", "price", "--method", "maxl", "--out", "n"],
            "need a main task of classes",
        ),
        (["fit", "h.csv", "--target", "kind", "--method", "singel", "--out", "n"], "Did you mean 'single'"),
        (
            ["fit", "h.csv", "--target", "kind", "--validation", "0", "--set", "lr=0.1", "--out", "n"],
            "no validation rows to select",
        ),
        (["fit", "h.csv", "--target", "kind", "--metric", "r2", "--out", "n"], "does not fit the main task"),
        (["fit", "h.csv", "--target", "kind", "--method", "single", "--out", "m"], "holds a different"),
        (["fit", "h.csv", "--target", "kind", "--tries", "0"], "--tries is invalid. Expected greater than"),
    ],
)
def test_what_cannot_be_done_is_said(
    words: list[str], said: str, fitted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(fitted)
    houses(4).drop(columns="size").to_csv("short.csv", index=False)
    before = sorted(path.name for path in fitted.iterdir())
    assert auxin(*words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in fitted.iterdir()) == before


@pytest.mark.parametrize("verb", ["fit", "compare", "probe"])
def test_a_misspelt_setting_does_not_claim_the_folder(verb: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    houses().to_csv("h.csv", index=False)
    words = [verb, "h.csv", "--target", "kind", "--aux", "rooms", "--out", "o"]
    words += {
        "fit": ["--method", "single", "--no-guard", *TINY],
        "compare": ["--methods", "single", "--seeds", "1", *TINY[:-4], "--jobs", "1"],
        "probe": ["--seeds", "1", *TINY[:4]],
    }[verb]
    assert auxin(*words, "--set", "model.nope=3") == 2
    assert not Path("o").exists()
    assert auxin(*words) == 0


def test_the_same_again_trains_nothing(fitted: Path, capsys: pytest.CaptureFixture) -> None:
    before = (fitted / "m" / "model.json").read_bytes()
    words = [fitted / "h.csv", "--target", "kind", "--aux", "price", "--method", "equal", "--no-guard"]
    assert auxin("fit", *words, "--test", "0.2", "--out", fitted / "m", *TINY) == 0
    assert "already finished" in capsys.readouterr().out
    assert (fitted / "m" / "model.json").read_bytes() == before


def test_images_with_the_guard(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for k in range(12):
            pixels = np.clip(rng.normal(level, 20, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pics" / name / f"{k}.png")
    tiny = ["--set", "steps=8", "--set", "model.channel_width=4", "--set", "batch=8"]
    tiny += ["--tries", "1", "--draws", "2", "--jobs", "1"]
    out = tmp_path / "m"
    assert auxin("fit", tmp_path / "pics", "--method", "denoising", "--out", out, *tiny) == 0
    said = capsys.readouterr().out
    assert "Compared on validation: single, denoising." in said
    record = load_model(out).training
    assert record.decision is not None
    assert f"Kept: {record.method}," in said
    assert set(record.decision.validation) == {"single", "denoising"}
    assert auxin("predict", out, tmp_path / "pics", "--out", tmp_path / "p.csv") == 0
    assert "24 of the rows have labels: accuracy" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "p.csv")
    assert table["file"][0] == "dark/0.png"
    assert sorted(p.name for p in out.iterdir() if p.name != LOCK) == [
        "manifest.json",
        "model.json",
        "runs",
        "weights.safetensors",
    ]
    assert not list(out.glob("runs/checkpoint*"))


def test_a_known_data_set_takes_its_options_and_the_models_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    tiny = [
        "--set",
        "steps=8",
        "--set",
        "model.channel_width=4",
        "--method",
        "single",
        "--no-guard",
        "--jobs",
        "1",
    ]
    assert auxin("fit", "digits", "--balanced", "--out", tmp_path / "m", *tiny) == 0
    model = load_model(tmp_path / "m")
    assert model.training.settings["class_weights"] == "balanced"
    digits = load("digits")
    task = Classes(
        "digit", 10, label_names=[str(9 - k) for k in range(10)]
    )  # the same labels, numbered from behind
    asked = {}

    def turned(name: str, **options: object) -> Dataset:
        asked.update(options)
        return replace(
            digits, tasks={**digits.tasks, "digit": task}, y={**digits.y, "digit": 9 - digits.y["digit"]}
        )

    monkeypatch.setattr(files, "load", turned)
    capsys.readouterr()
    words = ["--root", tmp_path, "--level", "20:100", "--out", tmp_path / "p.csv", "--json"]
    assert auxin("predict", tmp_path / "m", "digits", *words) == 0
    assert asked == {"root": tmp_path, "level": "20:100"}
    found = json.loads(capsys.readouterr().out)
    truth = digits.y["digit"].numpy()
    hits = (pd.read_csv(tmp_path / "p.csv")["prediction"] == truth).mean()
    assert found["score"] == pytest.approx(hits)
    assert found["labelled"] == len(truth)


def test_masks_as_the_main_task_to_the_end(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rng, rows = np.random.default_rng(0), []
    for k in range(16):
        mask = rng.choice([3, 7, 200], (8, 8)).astype(np.uint8)
        Image.fromarray(mask).save(tmp_path / f"m{k}.png")
        Image.fromarray(mask).save(tmp_path / f"i{k}.png")
        rows.append({"file": f"i{k}.png", "mask": f"m{k}.png"})
    pd.DataFrame(rows).to_csv(tmp_path / "all.csv", index=False)
    said = ["--image", "file", "--target", "mask", "--missing", "mask=200", "--method", "single"]
    said += ["--no-guard"]
    tiny = ["--set", "steps=2", "--set", "model.channel_width=4", "--jobs", "1"]
    assert auxin("fit", tmp_path / "all.csv", *said, "--out", tmp_path / "m", *tiny) == 0
    rows[1]["mask"] = None
    unknown = np.full((8, 8), 9, np.uint8)
    Image.fromarray(unknown).save(tmp_path / "m2.png")
    pd.DataFrame(rows[:3]).to_csv(tmp_path / "new.csv", index=False)
    capsys.readouterr()
    new, out = tmp_path / "new.csv", tmp_path / "p.npz"
    assert auxin("predict", tmp_path / "m", new, "--out", out, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    first = np.asarray(Image.open(tmp_path / "m0.png"))
    predicted = np.array(["3", "7"])[np.load(out)["prediction"][0]].astype(int)
    assert np.load(out)["file"].tolist() == ["i0.png", "i1.png", "i2.png"]
    assert np.load(out)["probabilities"].shape == (3, 2, 8, 8)
    known = first != 200
    pairs = [((predicted == c) & (first == c), ((predicted == c) | (first == c)) & known) for c in (3, 7)]
    assert found["score"] == pytest.approx(np.mean([a.sum() / b.sum() for a, b in pairs]), abs=1e-6)


def test_a_table_in_another_encoding_is_predicted(tmp_path: Path) -> None:
    table = houses().assign(city=lambda t: t["city"].replace("Ulm", "K\u00f6ln"))
    table.to_csv(tmp_path / "h.csv", index=False, encoding="latin-1")
    words = [tmp_path / "h.csv", "--target", "price", "--ignore", "kind", "--encoding", "latin-1"]
    assert auxin("fit", *words, "--method", "single", "--no-guard", "--out", tmp_path / "m", *TINY) == 0
    assert auxin("predict", tmp_path / "m", tmp_path / "h.csv", "--out", tmp_path / "p.csv") == 0
    assert len(pd.read_csv(tmp_path / "p.csv")) == 80


def test_an_export_is_quiet(fitted: Path, capfd: pytest.CaptureFixture) -> None:
    assert auxin("export", fitted / "m", "--torch", fitted / "quiet.pt2") == 0
    assert "archive" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (
            ["--budget", "9s", "--draws", "1", "--validation", "0.4", "--no-guard"],
            "the search: --draws, --no-guard, --val",
        ),
        (
            ["--method", "single", "--set", "steps=2", "--max-rows", "50", "--budget", "9s"],
            "one network: --max-rows, --b",
        ),
        (["--method", "single", "--set", "steps=2"], ""),
    ],
)
def test_options_that_do_not_apply_are_named(
    options: list[str],
    named: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auxin.studies.fit.search", lambda *_: (_ for _ in ()).throw(RunError("the search")))
    frame = pd.DataFrame({"a": np.arange(40) + 0.5, "b": np.arange(40) % 7, "y": ["u", "v"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SystemExit):
        main(["fit", str(tmp_path / "t.csv"), "--target", "y", *options, "--out", str(tmp_path / "m")])
    out = " ".join(capsys.readouterr().out.split())
    assert (f"{named}" in out) if named else ("do not apply" not in out)


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "{m}", "{t}", "--out", "{t}"],
        ["export", "{m}", "--torch", "{m}/model.json"],
        ["report", "{m}", "--out", "{m}/model.json"],
    ],
)
def test_no_command_overwrites_what_it_reads(words: list[str], fitted: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    houses(5).to_csv(table, index=False)
    card = fitted / "m" / "model.json"
    before = table.read_bytes(), card.read_bytes()
    assert auxin(*(word.format(m=card.parent, t=table) for word in words)) == 2
    assert (table.read_bytes(), card.read_bytes()) == before
