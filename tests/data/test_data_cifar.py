"""CIFAR in the four forms it is published in: the same rows from each, and nothing in a file is run."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from data_files import (
    FINE_TO_COARSE,
    cifar100_parts,
    images,
    png,
    write_cifar10_binary,
    write_cifar10_pickles,
    write_cifar100_binary,
    write_cifar100_npz,
    write_cifar100_parquet,
    write_cifar100_pickles,
)

from auxin.data import load
from auxin.data.reading.pickles import load_pickle
from auxin.data.targets.hierarchy100 import LEVEL_3, LEVEL_10, LEVEL_20, NAMES, parents
from auxin.errors import ConfigError, DataError

FORMS = [write_cifar100_pickles, write_cifar100_binary, write_cifar100_npz, write_cifar100_parquet]


@pytest.mark.parametrize("write", FORMS)
@pytest.mark.parametrize("inside", ["", "cifar100"])
def test_every_form_gives_the_same_rows(tmp_path, write, inside):
    parts = cifar100_parts()
    write(tmp_path / inside, parts)
    data = load("cifar100", tmp_path)
    assert data.x.equal(torch.from_numpy(np.concatenate([parts["train"][0], parts["test"][0]])))
    fine = np.concatenate([parts["train"][1], parts["test"][1]])
    assert data.y["level100"].equal(torch.from_numpy(fine))
    assert data.y["level20"].equal(torch.from_numpy(FINE_TO_COARSE[fine]))
    assert data.official_test.tolist() == [False] * 200 + [True] * 100
    assert data.augmentation == "crop_flip"


@pytest.mark.parametrize("write", [write_cifar10_pickles, write_cifar10_binary])
def test_cifar10_round_trip(tmp_path, write):
    made = write(tmp_path)
    data = load("cifar10", tmp_path)
    assert data.x.equal(torch.from_numpy(np.concatenate([x for x, _ in made])))
    assert data.y["class"].equal(torch.from_numpy(np.concatenate([y for _, y in made])))
    assert int(data.official_test.sum()) == 20


def test_cifar10_search_terms_refine_the_classes(tmp_path):
    write_cifar10_pickles(tmp_path)
    data = load("cifar10", tmp_path, aux="term")
    names = data.tasks["term"].label_names
    assert len(names) == 10
    assert names[:2] == ("airplane: term_0", "automobile: term_1")
    assert data.parents["term"][data.y["term"]].equal(data.y["class"])


def test_cifar10_terms_need_file_names(tmp_path):
    write_cifar10_binary(tmp_path)
    with pytest.raises(DataError, match="file names"):
        load("cifar10", tmp_path, aux="term")
    with pytest.raises(ConfigError, match="'term'"):
        load("cifar10", tmp_path, aux="colour")


# ---- the hierarchy of appendix A


def test_the_hierarchy_has_the_papers_sizes():
    assert {n: len(names) for n, names in NAMES.items()} == {3: 3, 10: 10, 20: 20, 100: 100}
    assert {len(group) for group in LEVEL_20.values()} == {5}
    assert sorted(name for group in LEVEL_10.values() for name in group) == sorted(LEVEL_20)
    assert sorted(name for group in LEVEL_3.values() for name in group) == sorted(LEVEL_10)
    assert torch.bincount(parents(100, 3)).tolist() == [50, 15, 35]
    assert parents(20, 10)[parents(100, 20)].equal(parents(100, 10))
    assert parents(100, 100).equal(torch.arange(100))
    wolf, level10 = NAMES[100].index("wolf"), NAMES[10].index("large animals")
    assert int(parents(100, 10)[wolf]) == level10
    assert list(NAMES[100]) == sorted(NAMES[100])
    assert list(NAMES[20]) == sorted(NAMES[20])


@pytest.mark.parametrize("level", ["3:10", "3:20", "3:100", "10:20", "10:100", "20:100", "20", 100])
def test_levels(tmp_path, level):
    write_cifar100_binary(tmp_path, cifar100_parts())
    data = load("cifar100", tmp_path, level=level)
    first, *second = [int(n) for n in str(level).split(":")]
    assert data.main == f"level{first}"
    assert data.tasks[data.main].width == first
    for n in second:
        assert data.parents[f"level{n}"][data.y[f"level{n}"]].equal(data.y[data.main])
    assert len(data.tasks) == 1 + len(second)


def test_levels_above_the_main_one_are_auxiliaries_without_a_hierarchy(tmp_path):
    write_cifar100_binary(tmp_path, cifar100_parts())
    data = load("cifar100", tmp_path, level="20:100:10:3")
    assert list(data.tasks) == ["level20", "level100", "level10", "level3"]
    assert list(data.parents) == ["level100"]
    assert parents(20, 3)[data.y["level20"]].equal(data.y["level3"])


@pytest.mark.parametrize("level", ["20:20", "7", "20:100:20", "", "20:", "a:b"])
def test_levels_that_make_no_sense(tmp_path, level):
    with pytest.raises(ConfigError, match=r"not one of CIFAR-100's.*3, 10, 20, 100.*level='20:100'"):
        load("cifar100", tmp_path, level=level)


# ---- bad files


class Evil:
    """Pickled, it would make a folder when read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.folder),)


def codec_bomb():
    """A pickle that asks for another codec than the one that writes bytes."""
    return b"c_codecs\nencode\n(Vabc\nVrot13\ntR."


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_cannot_run_anything(tmp_path, protocol):
    write_cifar100_pickles(tmp_path, cifar100_parts())
    trap = tmp_path / "trap"
    path = tmp_path / "cifar-100-python" / "train"
    path.write_bytes(pickle.dumps({b"data": Evil(trap)}, protocol=protocol))
    with pytest.raises(DataError, match=r"would run \w+.mkdir; auxin refuses it.*Do not trust"):
        load("cifar100", tmp_path)
    assert not trap.exists()


@pytest.mark.parametrize(
    "what",
    [b"cbuiltins\neval\n(V1\ntR.", b"cnumpy\nload\n(Vx\ntR.", b"cnumpy.core.multiarray\nfromfile\n(Vx\ntR."],
)
def test_other_calls_are_refused_too(tmp_path, what):
    (tmp_path / "p").write_bytes(what)
    with pytest.raises(DataError, match="auxin refuses it"):
        load_pickle(tmp_path / "p")


def test_only_the_codec_of_bytes_is_allowed(tmp_path):
    (tmp_path / "p").write_bytes(codec_bomb())
    with pytest.raises(DataError, match="cannot be read"):
        load_pickle(tmp_path / "p")


def pickles(tmp_path, **changes):
    write_cifar100_pickles(tmp_path, cifar100_parts())
    path = tmp_path / "cifar-100-python" / "train"
    content = pickle.loads(path.read_bytes(), encoding="bytes")
    for key, value in changes.items():
        content[key.encode()] = value
    content = {key: value for key, value in content.items() if value is not None}
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": None}, ["the keys data", "no data"]),
        ({"fine_labels": None}, ["no fine_labels"]),
        ({"data": np.zeros((200, 3071), np.uint8)}, ["images, uint8", "(200, 3071)"]),
        ({"data": np.zeros((200, 3072))}, ["images, uint8", "float64"]),
        ({"data": [1, 2]}, ["images, uint8", "?"]),
        ({"fine_labels": [0] * 199}, ["200 labels of kind fine", "199"]),
        ({"fine_labels": [100] * 200}, ["labels of kind fine from 0 to 99", "100 to 100"]),
        ({"fine_labels": [0.5] * 200}, ["whole numbers", "float64"]),
        (
            {"coarse_labels": [0] * 200},
            ["contradict CIFAR-100's classes", "coarse label 4 for fine label 0", "row 0"],
        ),
    ],
)
def test_pickles_with_other_contents(tmp_path, changes, words):
    pickles(tmp_path, **changes)
    with pytest.raises(DataError) as error:
        load("cifar100", tmp_path)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("keep", [0, 1, 100, 5000])
def test_truncated_pickle(tmp_path, keep):
    write_cifar100_pickles(tmp_path, cifar100_parts())
    path = tmp_path / "cifar-100-python" / "train"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="cannot be read"):
        load("cifar100", tmp_path)


def test_pickle_of_something_else(tmp_path):
    write_cifar100_pickles(tmp_path, cifar100_parts())
    (tmp_path / "cifar-100-python" / "train").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match=r"a dictionary.*Found list"):
        load("cifar100", tmp_path)


def test_truncated_binary(tmp_path):
    write_cifar100_binary(tmp_path, cifar100_parts())
    path = tmp_path / "cifar-100-binary" / "test.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"records of 3,074 bytes.*307,399 bytes"):
        load("cifar100", tmp_path)


def test_half_of_the_files(tmp_path):
    write_cifar100_binary(tmp_path, cifar100_parts())
    (tmp_path / "cifar-100-binary" / "test.bin").unlink()
    with pytest.raises(DataError) as error:
        load("cifar100", tmp_path)
    for word in (
        "files of cifar100 are not in",
        "cifar-100-python",
        "Found cifar-100-binary",
        "download=True",
    ):
        assert word in str(error.value)


def test_damaged_npz(tmp_path):
    write_cifar100_npz(tmp_path, cifar100_parts())
    path = tmp_path / "cifar100_train.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cannot be read.*a whole \.npz"):
        load("cifar100", tmp_path)
    np.savez(path, images=images(2))
    with pytest.raises(DataError, match="no coarse_labels, labels"):
        load("cifar100", tmp_path)


def parquet(tmp_path, columns):
    write_cifar100_parquet(tmp_path, cifar100_parts(), shards=1)
    path = tmp_path / "cifar100" / "train-00000-of-00001.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"img": [png(images(1)[0])], "fine_label": [0]}, ["coarse_label", "columns img, fine_label"]),
        ({"img": [b"not an image"], "fine_label": [0], "coarse_label": [4]}, ["a readable image", "row 0"]),
        ({"img": [png(images(1)[0])[:60]], "fine_label": [0], "coarse_label": [4]}, ["a readable image"]),
        ({"img": [None], "fine_label": [0], "coarse_label": [4]}, ["an encoded image", "NoneType in row 0"]),
        (
            {"image": [png(images(1, shape=(3, 8, 8))[0])], "fine_label": [0], "coarse_label": [4]},
            ["(3, 8, 8)"],
        ),
        ({"img": [png(images(1)[0])], "fine_label": [0.5], "coarse_label": [4]}, ["whole numbers", "double"]),
        (
            {"img": [png(images(1)[0])], "fine_label": [None], "coarse_label": [4]},
            ["whole numbers in column fine"],
        ),
    ],
)
def test_parquet_with_other_contents(tmp_path, columns, words):
    parquet(tmp_path, columns)
    with pytest.raises(DataError) as error:
        load("cifar100", tmp_path)
    for word in words:
        assert word in str(error.value)


def test_parquet_of_plain_bytes_is_read(tmp_path):
    one = images(1)
    parquet(tmp_path, {"image": [png(one[0])], "fine_label": [0], "coarse_label": [4]})
    assert load("cifar100", tmp_path).x[0].equal(torch.from_numpy(one[0]))


def test_damaged_parquet(tmp_path):
    path = parquet(tmp_path, {"img": [png(images(1)[0])], "fine_label": [0], "coarse_label": [4]})
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match="a whole Parquet file"):
        load("cifar100", tmp_path)
