"""The real files, where they are at hand: counts, balance and hierarchy as their publishers state them."""

import json
import os
from pathlib import Path

import pytest
import torch

from auxin.data import load, make_splits
from auxin.data.targets.hierarchy100 import NAMES, parents


def _folder():
    given = os.environ.get("AUXIN_TEST_DATA")
    candidates = (
        [Path(given)] if given else [base / "shared" / "data" for base in Path(__file__).parents[2:4]]
    )
    return next((path for path in candidates if path.is_dir()), None)


ROOT = _folder()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(ROOT is None, reason="no real data: set AUXIN_TEST_DATA to a folder that holds it"),
]


def part(name):
    if not (ROOT / name).is_dir():
        pytest.skip(f"there is no {name} in {ROOT}")
    return ROOT / name


def balance(data, task, test):
    return set(torch.bincount(data.y[task][data.official_test == test]).tolist())


@pytest.mark.parametrize(
    ("name", "main", "train", "test"),
    [
        ("cifar100", "level20", {1000}, {250}),
        ("cifar10", "class", {400}, {200}),
        ("fashion_mnist", "clothing", {1000}, {1000}),
    ],
)
def test_counts_and_balance(name, main, train, test):
    data = load(name, part(name))
    assert data.main == main
    assert balance(data, main, False) == train
    assert balance(data, main, True) == test


def test_the_whole_of_mnist():
    data = load("mnist", part("mnist"))
    assert data.x.shape == (70000, 1, 28, 28)
    assert torch.bincount(data.y["digit"][~data.official_test]).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    splits = make_splits(data, seed=0, labels_per_class=10)
    assert splits.sizes == {
        "train": 80, "unlabelled": 59900, "auxiliary": 0, "validation": 20,
        "development": 5000, "confirmation": 5000,
    }  # fmt: skip


def test_cifar100_levels_are_those_of_the_hierarchy():
    folder = part("cifar100")
    stated = json.loads((folder / "hierarchy.json").read_text())
    assert list(NAMES[100]) == stated["fine_label_names"]
    assert list(NAMES[20]) == stated["coarse_label_names"]
    assert parents(100, 20).tolist() == stated["fine_to_coarse"]
    assert parents(20, 10).tolist() == stated["maxl_coarse20_to_level10"]
    assert parents(10, 3).tolist() == stated["maxl_level10_to_level3"]


def test_cifar100_has_two_images_twice_in_training():
    data = load("cifar100", part("cifar100"), level="10:100")
    train = [
        mark[:16] for mark, test in zip(data.marks, data.official_test.tolist(), strict=True) if not test
    ]
    assert len(train) - len(set(train)) == 2
    assert balance(data, "level100", False) == {200}
    assert balance(data, "level100", True) == {50}
    splits = make_splits(data, seed=0, fraction=0.05)
    assert len(splits.train) + len(splits.validation) + splits.repeats == 1000


def test_cifar10_search_terms():
    data = load("cifar10", part("cifar10"), aux="term")
    assert data.parents["term"][data.y["term"][:4000]].equal(data.y["class"][:4000])
    assert any("rana_pipiens" in name for name in data.tasks["term"].label_names)


def test_omniglot_as_a_users_own_npz():
    file = part("omniglot") / "omniglot_small_28.npz"
    data = load(file, target="coarse_labels", aux="labels")
    assert data.shape == (1, 28, 28)
    assert data.tasks["labels"].width == 242
    assert data.parents["labels"].max() == 7


@pytest.mark.parametrize(
    ("name", "options", "rows", "columns", "width"),
    [
        ("winequality-white.csv", {"target": "quality"}, 4898, 11, 7),
        ("parkinsons_updrs.data", {"target": "total_UPDRS", "aux": "motor_UPDRS"}, 5875, 20, 1),
        ("enb.arff", {"target": "Y1", "aux": "Y2"}, 768, 8, 1),
        ("jura.arff", {"target": "Cd", "aux": ["Co", "Cu"]}, 359, 15, 1),
        ("emotions-train.arff", {"target": "sad-lonely", "aux": "quiet-still"}, 391, 72, 2),
    ],
)
def test_tables(name, options, rows, columns, width):
    aux = {"emotions-train.arff": {"ignore": "amazed-suprised,happy-pleased,relaxing-calm,angry-aggresive"}}
    data = load(part("tabular") / name, **options, **aux.get(name, {}))
    assert data.tasks[data.main].width == width
    assert (len(data), data.shape) == (rows, (columns,))
    assert sum(make_splits(data, seed=0).sizes.values()) > 0.99 * rows
