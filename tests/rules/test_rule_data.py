"""The data sets of the roles, read from small files made here."""

import csv
import gzip

import numpy as np
import pytest
import torch

from auxin.errors import ConfigError, DataError
from auxin.rules.data import META_TEST, META_TRAIN, META_VALIDATION, images, rule_data


def test_no_data_set_has_two_roles():
    assert not set(META_TRAIN) & set(META_VALIDATION)
    assert not (set(META_TRAIN) | set(META_VALIDATION)) & set(META_TEST)


def test_digits_need_no_file():
    data = rule_data("digits")
    assert data.x.shape == (1797, 64)
    assert float(data.x.max()) == 1.0
    assert data.ways == 10


def test_a_procedural_family_gives_many_kinds_with_few_rows():
    data, again = rule_data("strokes"), rule_data("strokes")
    assert torch.equal(data.x, again.x)
    assert data.unlabelled.shape == data.x.shape == (2400, 64)
    assert torch.bincount(data.y).tolist() == [10] * 240
    assert data.ways == 10
    assert not {tuple(r) for r in data.x.tolist()} & {tuple(r) for r in data.unlabelled.tolist()}


def test_images_become_grey_and_small():
    x = torch.full((3, 3, 28, 28), 255, dtype=torch.uint8)
    assert images(x, 8).shape == (3, 49)
    assert images(torch.rand(3, 3, 32, 32), 8).shape == (3, 64)
    assert float(images(x, 8).min()) == 1.0


def test_omniglot(tmp_path):
    (tmp_path / "omniglot").mkdir()
    labels = np.repeat(np.arange(3), 20).astype(np.uint8)
    pictures = np.random.default_rng(0).integers(0, 255, (60, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "omniglot" / "omniglot_small_28.npz", images=pictures, labels=labels)
    data = rule_data("omniglot", tmp_path)
    assert data.unlabelled.shape == (30, 49)
    assert torch.bincount(data.y).tolist() == [10, 10, 10]
    assert not {tuple(r) for r in data.x.tolist()} & {tuple(r) for r in data.unlabelled.tolist()}


def test_imdb_words_come_from_the_training_reviews(tmp_path):
    (tmp_path / "imdb").mkdir()
    for part, word in (("train", "good"), ("test", "unseen")):
        with gzip.open(tmp_path / "imdb" / f"imdb_{part}.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["label", "rating", "id", "text"])
            writer.writerows([[0, 1, 1, "bad <br /> film"], [1, 9, 2, f"{word} film"]])
    data = rule_data("imdb", tmp_path)
    assert data.x.shape == (2, 3)
    assert data.unlabelled.sum(0).tolist() == [2.0, 1.0, 1.0]
    assert data.x.sum(0).tolist() == [2.0, 1.0, 0.0]


def test_wine_bands_and_duplicates(tmp_path):
    (tmp_path / "tabular").mkdir()
    rows = [[i / 7, (i * 3) % 5, quality] for i, quality in enumerate((4, 5, 6, 7, 8, 6))]
    lines = ["a,b,quality", *(",".join(map(str, r)) for r in [*rows, rows[0]])]
    (tmp_path / "tabular" / "winequality-white.csv").write_text("\n".join(lines) + "\n")
    data = rule_data("wine", tmp_path)
    assert data.y.tolist() == [0, 2, 1]
    assert len(data.unlabelled) == 3
    both = torch.cat([data.x, data.unlabelled])
    torch.testing.assert_close(both.mean(0), torch.zeros(2), atol=1e-6, rtol=0)


def test_modelnet_drops_duplicates(tmp_path):
    (tmp_path / "modelnet2_voxels").mkdir()
    voxels = (np.random.default_rng(0).random((6, 32, 32, 32)) < 0.1).astype(np.uint8)
    voxels[5] = voxels[0]
    file = tmp_path / "modelnet2_voxels" / "modelnet10_chair_monitor_vox32.npz"
    np.savez(file, voxels=voxels, labels=np.array([0, 1, 0, 1, 0, 0]))
    data = rule_data("modelnet", tmp_path)
    assert len(data.x) + len(data.unlabelled) == 5
    assert data.x.shape[1] == 512


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(DataError, match="no file"):
        rule_data("omniglot", tmp_path)
    with pytest.raises(ConfigError, match="Where is wine"):
        rule_data("wine")
