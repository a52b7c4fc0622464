"""Data sets in the hub's formats, in local folders that `datasets` reads offline."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auxin.cli import main
from auxin.data import load
from auxin.errors import ConfigError, DataError
from auxin.exported.files import write_predictions
from auxin.exported.model import load_model
from auxin.tasks.regression import Regression

datasets = pytest.importorskip("datasets", reason="needs the extra `hub`")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
ROWS = 40


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


def rows(count: int, seed: int, **columns: Any) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    words = [f"a film about {w} and {v}" for w, v in draw.integers(0, 9, (count, 2))]
    made = {
        "text": words,
        "stars": draw.normal(size=count).tolist(),
        "label": (np.arange(count) % 2).tolist(),
    }
    return {**made, **columns}


def features(**more: Any) -> Any:
    label = datasets.ClassLabel(names=["zebra", "ant"])
    told = {"text": datasets.Value("string"), "stars": datasets.Value("float64"), "label": label}
    return datasets.Features({**told, **more})


def write(folder: Path, told: Any, **splits: dict[str, Any]) -> str:
    """Parquet files as the hub has them."""
    for split, columns in splits.items():
        (folder / "data").mkdir(parents=True, exist_ok=True)
        file = folder / "data" / f"{split}-00000-of-00001.parquet"
        datasets.Dataset.from_dict(columns, features=told).to_parquet(str(file))
    return f"hub:{folder}"


def test_text_numbers_class_names_and_splits(tmp_path: Path) -> None:
    name = write(
        tmp_path / "d",
        features(),
        train=rows(ROWS, 0),
        validation=rows(10, 1),
        test=rows(20, 2),
        unsupervised=rows(8, 3, label=[-1] * 8),
    )
    data = load(name, aux="stars", text="text")
    assert data.main == "label"
    assert data.tasks["label"].label_names == ("zebra", "ant")  # in the publisher's order, not sorted
    assert isinstance(data.tasks["stars"], Regression)
    assert int(data.official_test.sum()) == 20
    assert int(data.has_main().sum()) == ROWS + 10 + 20
    assert not (data.official_test & ~data.has_main()).any()
    assert data.encoder.texts == ["text"]
    said = " ".join(data.notes)
    assert "train 40, validation 10, test 20, unsupervised 8; test rows test" in said
    again = load(name, target="stars", ignore="text")
    assert again.main == "stars"
    assert again.shape == (2,)  # zebra and ant


def test_test_rows_without_labels_leave_the_test_to_the_validation_rows(tmp_path: Path) -> None:
    hidden = rows(20, 2, label=[-1] * 20)
    name = write(tmp_path / "d", features(), train=rows(ROWS, 0), validation=rows(10, 1), test=hidden)
    data = load(name, aux="stars")
    assert int(data.official_test.sum()) == 10
    assert bool(data.has_main()[data.official_test].all())
    assert "validation rows test" in " ".join(data.notes)
    alone = write(tmp_path / "one", features(), train=rows(ROWS, 0))
    assert not load(alone, aux="stars").official_test.any()


def test_lists_are_attributes_or_columns_and_the_rest_is_left_out(tmp_path: Path) -> None:
    value = datasets.Value("float64")
    told = features(
        tags=datasets.List(datasets.Value("string")),
        box=datasets.List(value),
        ragged=datasets.List(value),
        nested={"a": value},
    )
    draw = np.random.default_rng(5)
    more = {
        "tags": [["red"], ["red", "big"], [], None] * 10,
        "box": draw.normal(size=(ROWS, 3)).tolist(),
        "ragged": [[0.0] * (i % 3) for i in range(ROWS)],
        "nested": [{"a": 1.0}] * ROWS,
    }
    name = write(tmp_path / "d", told, train=rows(ROWS, 0, **more))
    data = load(name, aux="tags,box", ignore="stars")
    assert data.tasks["tags"].label_names == ("big", "red")
    assert data.y["box"].shape == (ROWS, 3)
    assert torch.allclose(data.y["box"][0].double(), torch.tensor(more["box"][0]).double())
    assert "ragged, nested" in " ".join(data.notes)
    assert load(name, ignore="text,tags").shape == (1 + 3,)  # stars and box


def test_images_and_masks(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    shots = [Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(ROWS)]
    masks = [Image.fromarray(draw.integers(0, 3, (8, 8), dtype=np.uint8)) for _ in range(ROWS)]
    told = features(image=datasets.Image(), mask=datasets.Image())
    name = write(tmp_path / "d", told, train=rows(ROWS, 0, image=shots, mask=masks))
    data = load(name, target="label", aux="mask")
    assert torch.equal(data.x[3], torch.from_numpy(np.array(shots[3])).permute(2, 0, 1))
    assert data.tasks["mask"].width == 3
    assert torch.equal(data.y["mask"][3], torch.from_numpy(np.array(masks[3])).long())
    with pytest.raises(DataError, match=r"Several columns hold images.*image, mask"):
        load(name, target="label")
    assert load(name, target="mask").main == "mask"


def test_a_folder_of_images_from_the_command_line_to_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    draw = np.random.default_rng(0)
    for i in range(ROWS):
        file = tmp_path / "d" / "train" / ("cat" if i % 2 else "dog") / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    quick = ["--set", "steps=2", "--set", "model.channel_width=2", "--jobs", "1", "--tries", "1"]
    name, out = f"hub:{tmp_path / 'd'}", str(tmp_path / "m")
    with pytest.raises(SystemExit) as stop:
        main(["fit", name, *quick, "--method", "single", "--draws", "1", "--out", out])
    assert stop.value.code == 0
    assert "Splits of the hub: train 40" in " ".join(capsys.readouterr().out.split())
    found = write_predictions(load_model(out), name, tmp_path / "p.csv", ["split"], lambda _: None)
    assert (found["rows"], found["labelled"]) == (ROWS, ROWS)
    assert found["score"] is not None
    assert (tmp_path / "p.csv").read_text().startswith("row,split,prediction,p(cat),p(dog)\n0,train,")


def test_what_goes_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"data set nobody/nothing cannot be loaded.*hub:FOLDER"):
        load("hub:nobody/nothing", target="y")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="cannot be read as a hub data set"):
        load(f"hub:{tmp_path / 'empty'}", target="y")
    name = write(
        tmp_path / "d",
        features(other=datasets.ClassLabel(names=["a", "b"])),
        train=rows(4, 0, other=[0, 1, 0, 1]),
    )
    with pytest.raises(ConfigError, match=r"is not given.*text, stars, label, other"):
        load(name)
    with pytest.raises(DataError, match=r"no column 'lable'.*'label'"):
        load(name, target="lable")
    with pytest.raises(ConfigError, match="write hub:stanfordnlp/imdb"):
        load("stanfordnlp/imdb", target="label")
    real = builtins.__import__

    def absent(module: str, *rest: Any, **named: Any) -> Any:
        if module == "datasets":
            raise ImportError(module)
        return real(module, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match=r'needs the package datasets.*pip install "auxin\[hub\]"'):
        load(name, target="label")
