"""Class weights against imbalance, and the pool of every auxiliary."""

import numpy as np
import pytest
import torch

from auxin.data import load, make_splits
from auxin.errors import ConfigError
from auxin.experiments.balance import balanced
from auxin.experiments.build import build
from auxin.experiments.lineup import pools_said
from auxin.experiments.settings import layered
from auxin.methods import resolve

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
    assert pools_said({"auto": method}, data) == [
        "auto: a pool of self-made denoising + masking, given fine."
    ]
    assert pools_said({"single": resolve("single")}, data) == []
