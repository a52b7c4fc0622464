"""Every data set keeps the family's contract: it loads, checks its options, splits, and gives batches."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from auxin import catalogue
from auxin.data import DataSource, DevicePool, load, make_splits
from auxin.errors import AuxinError, ConfigError, DataError

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
import data_files

NAMES = catalogue.names("data")


def _cifar10(folder):
    data_files.write_cifar10_binary(folder)
    return folder


def _cifar100(folder):
    data_files.write_cifar100_binary(folder, data_files.cifar100_parts((400, 200)))
    return folder


def _mnist(folder):
    data_files.write_mnist(folder, rows=(100, 40))
    return folder


def _npz(folder):
    data_files.write_npz(folder / "my.npz", rows=120)
    return folder / "my.npz"


def _table(folder):
    fine = np.arange(120) % 6
    x = np.random.default_rng(0).normal(size=120)
    pd.DataFrame({"x": x, "y": fine // 3, "fine": fine}).to_csv(folder / "my.csv", index=False)
    return folder / "my.csv"


def _images(folder):
    data_files.write_images(folder / "my")
    return folder / "my"


def _image_table(folder):
    return data_files.write_image_table(folder)


FILES = {
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "digits": lambda folder: None,
    "fashion_mnist": _mnist,
    "mnist": _mnist,
    "npz": _npz,
    "table": _table,
    "images": _images,
    "image_table": _image_table,
}
OPTIONS = {
    "table": {"target": "y", "aux": "fine"},
    "image_table": {"image": "file", "target": "y", "aux": "fine"},
}
OWN = {"digits", "hub", "images", "image_table", "npz", "table"}


def test_all_known_members_are_swept():
    assert len(NAMES) >= 9
    assert set(FILES) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_member_says_what_it_is_and_what_it_takes(name):
    source = catalogue.load("data", name)
    assert issubclass(source, DataSource)
    assert source.__doc__
    taken = inspect.signature(source.load).parameters
    assert set(source.options) == {k for k, p in taken.items() if p.kind is p.KEYWORD_ONLY}
    for option in source.options:
        assert f"{option}:" in source.__doc__, option


@pytest.mark.parametrize("name", NAMES)
def test_member_refuses_what_it_cannot_read(name, tmp_path):
    with pytest.raises(ConfigError, match="no option 'colour'"):
        load(name, colour="red")
    if name != "digits":
        for root in (None, tmp_path / "nowhere", tmp_path):
            with pytest.raises(AuxinError, match=r".{30}"):
                load(name, root)


@pytest.mark.parametrize("name", sorted(FILES))
def test_member_loads_splits_and_gives_batches(name, tmp_path):
    data = load(name, FILES[name](tmp_path), **OPTIONS.get(name, {}))
    assert data.name in (name, "my")
    assert data.source
    splits = make_splits(data, seed=0)
    pool = DevicePool(data, splits.train, "cpu", hidden=splits.unlabelled)
    batch = pool.batch(splits.train[:8], torch.Generator().manual_seed(0))
    assert batch.x.shape == (8, *data.shape)
    assert bool(batch.x.isfinite().all())
    assert batch.y[data.main].equal(data.y[data.main][splits.train[:8]])
    assert load(name, _again(name, tmp_path), **OPTIONS.get(name, {})).marks == data.marks


def _again(name, folder):
    return {
        "digits": None,
        "npz": folder / "my.npz",
        "table": folder / "my.csv",
        "images": folder / "my",
        "image_table": folder / "my.csv",
    }.get(name, folder)


@pytest.mark.parametrize("name", sorted(set(FILES) - OWN))
def test_member_names_missing_files(name, tmp_path):
    with pytest.raises(DataError, match=rf"files of {name} are not in .*download=True.*http"):
        load(name, tmp_path)
