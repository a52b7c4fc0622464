"""Class weights against imbalance, and the pool of every auxiliary."""

import numpy as np
import pandas as pd
import pytest
import torch

from auxin.data import load, make_splits
from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.runs.build import build
from auxin.runs.run_tasks import balanced
from auxin.runs.settings import layered
from auxin.studies.lineup import pool_notes

QUICK = {"model.hidden": 4, "steps": 2}


@pytest.fixture
def data(tmp_path):
    draw = np.random.default_rng(0)
    y = (np.arange(120) % 6 == 0).astype(int)
    np.savez(tmp_path / "a.npz", x=draw.normal(size=(120, 4)), y=y, fine=np.arange(120) % 3)
    return load(tmp_path / "a.npz", aux="fine")


def test_weights_are_inverse_to_the_training_rows_frequencies(data):
    splits = make_splits(data, seed=0)
    labels = data.y["y"][splits.train]
    found = balanced(data.tasks, "balanced", data, splits)["y"]
    counts = torch.bincount(labels)
    assert found.class_weights == pytest.approx([len(labels) / (2 * int(n)) for n in counts])
    weights = torch.tensor(found.class_weights)
    assert float(weights[labels].mean()) == pytest.approx(1)
    assert balanced(data.tasks, "none", data, splits)["y"].class_weights == (1.0, 1.0)
    with pytest.raises(ConfigError, match=r"'even'.*balanced"):
        balanced(data.tasks, "even", data, splits)


def test_a_run_trains_with_them(data):
    splits = make_splits(data, seed=0)
    settings = layered("a", "vector", resolve("single"), "auxin", {**QUICK, "class_weights": "balanced"}, {})
    task = build(data, splits, resolve("single"), settings, 0).task
    assert task.class_weights[1] > 2 > 1 > task.class_weights[0]


def test_the_pool_holds_everything_and_is_said(data):
    method, splits = resolve("auto"), make_splits(data, seed=0)
    settings = layered("a", "vector", method, "auxin", QUICK, {})
    built = build(data, splits, method, settings, 0)
    assert list(built.state.learner.criterion.tasks) == ["y", "fine", "denoising", "masking"]
    assert method.twin == "untrained:auto"
    assert pool_notes({"auto": method}, data) == [
        "auto: auxiliary tasks are denoising + masking (self-supervised) and fine (from the data)."
    ]
    assert pool_notes({"single": resolve("single")}, data) == []


def scarce(tmp_path):
    """Ten main labels, all where `b` is 5, `word` is "a" and `aux` is empty; ninety rows that vary."""
    draw = np.random.default_rng(0)
    rows, few = 100, np.arange(100) < 10
    frame = pd.DataFrame(
        {
            "a": draw.normal(size=rows),
            "b": np.where(few, 5.0, draw.normal(5, 3, rows)),
            "word": np.where(few, "a", np.array(["a", "b"])[np.arange(rows) % 2]),
            "text": [f"shared words {'' if few[i] else f'rare{i % 7}'} stand here" for i in range(rows)],
            "aux": np.where(few, np.nan, draw.normal(1e6, 1e5, rows)),
            "y": np.where(few, np.arange(rows) % 2, np.nan),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    return load(tmp_path / "t.csv", target="y", aux="aux", kinds="y=classes", text="text")


def test_rows_without_a_main_label_decide_what_an_input_and_an_auxiliary_target_look_like(tmp_path):
    data = scarce(tmp_path)
    splits = make_splits(data, seed=0, validation=0.0, test=0.0)
    method = resolve("equal")
    built = build(data, splits, method, layered("t", "vector", method, "auxin", QUICK, {}), 0)
    rows = splits.every_training_row
    batch = built.pool.batch(rows)
    assert batch.x.shape[1] == 2 + 2 + 11
    assert bool((batch.x.std(0) > 0).all())  # no input is erased
    assert torch.allclose(batch.x[:, :4].std(0, correction=0), torch.ones(4), atol=1e-5)
    aux = built.state.learner.criterion.tasks["aux"]
    known = data.y["aux"][splits.unlabelled].double()
    assert aux.mean == pytest.approx(float(known.mean()))
    assert aux.scale == pytest.approx(float(known.std(correction=0)))


def test_rows_of_the_auxiliary_set_are_training_rows(data):
    splits = make_splits(data, seed=0, labels_per_class=8, auxiliary=0.25)
    parts = [*splits.train.tolist(), *splits.unlabelled.tolist(), *splits.auxiliary.tolist()]
    assert len(splits.auxiliary) == 4
    assert sorted(splits.every_training_row.tolist()) == sorted(parts)


def test_an_auxiliary_is_weighted_by_all_its_training_labels(tmp_path):
    y = np.where(np.arange(120) < 12, np.arange(120) % 2, -1)
    np.savez(
        tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(120, 4)), y=y, z=np.arange(120) % 4 // 3
    )
    data = load(tmp_path / "a.npz", aux="z")
    splits = make_splits(data, seed=0, validation=0.0, test=0.0)
    found = balanced(data.tasks, "balanced", data, splits)["z"]
    assert found.class_weights == pytest.approx([120 / (2 * 90), 120 / (2 * 30)])
