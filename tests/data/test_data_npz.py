"""A user's own arrays: which kind of task they make, and what is refused."""

import numpy as np
import pytest
import torch
from data_files import write_npz

from auxin.data import load, make_splits
from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector


def test_vectors_with_a_finer_and_a_real_auxiliary_task(tmp_path):
    arrays = write_npz(tmp_path / "my.npz")
    data = load(tmp_path / "my.npz", aux="fine, real")
    assert (data.name, data.main, list(data.tasks)) == ("my", "y", ["y", "fine", "real"])
    assert data.x.equal(torch.from_numpy(arrays["x"]).float())
    assert data.y["y"].equal(torch.from_numpy(arrays["y"]))
    assert data.parents == {"fine": data.parents["fine"]}
    assert data.parents["fine"].tolist() == [0, 0, 0, 1, 1, 1]
    assert isinstance(data.tasks["real"], Regression)
    assert make_splits(data, seed=0).sizes["train"] > 0


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((60, 8, 8), (1, 8, 8)),
        ((60, 8, 8, 3), (3, 8, 8)),
        ((60, 3, 8, 8), (3, 8, 8)),
        ((60, 4, 4, 4), (4, 4, 4)),
    ],
)
def test_images(tmp_path, shape, expected):
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_npz(tmp_path / "i.npz", x=None, images=x)
    data = load(str(tmp_path / "i.npz"))
    assert data.shape == expected
    assert data.x.dtype == torch.uint8
    if shape[-1] == 3:
        assert data.x[5, 2, 1, 0] == x[5, 1, 0, 2]


def test_float_images(tmp_path):
    write_npz(tmp_path / "i.npz", x=np.random.default_rng(0).normal(size=(60, 8, 8)))
    assert load(tmp_path / "i.npz").x.dtype == torch.float32


@pytest.mark.parametrize(
    ("values", "kind", "target"),
    [
        (np.array(["b", "a", "", "b"] * 15), Classes, [1, 0, -1, 1]),
        (np.array([b"b", b"a", b"", b"b"] * 15), Classes, [1, 0, -1, 1]),
        (np.array([True, False, True, True] * 15), Classes, [1, 0, 1, 1]),
        (np.array([3.0, np.nan, 7.0, 3.0] * 15), Classes, [0, -1, 1, 0]),
        (np.array([10, 30, -1, 20] * 15, np.int16), Classes, [0, 2, -1, 1]),
        (np.array([255, 0, 7, 7] * 15, np.uint8), Classes, [2, 0, 1, 1]),
        (np.array([0.5, np.nan, 1.0, 2.0] * 15), Regression, [0.5, float("nan"), 1.0, 2.0]),
    ],
)
def test_kinds_of_target(tmp_path, values, kind, target):
    write_npz(tmp_path / "k.npz", y=values)
    data = load(tmp_path / "k.npz")
    assert isinstance(data.tasks["y"], kind)
    assert torch.equal(data.y["y"][:4].nan_to_num(-9), torch.tensor(target).nan_to_num(-9))


def test_class_names_are_the_values(tmp_path):
    write_npz(tmp_path / "k.npz", y=np.array([10, 30, -1, 20] * 15))
    assert load(tmp_path / "k.npz").tasks["y"].label_names == ("10", "20", "30")


def test_vector_targets(tmp_path):
    write_npz(tmp_path / "k.npz", real=np.random.default_rng(0).normal(size=(60, 3)))
    assert isinstance(load(tmp_path / "k.npz", aux=["real"]).tasks["real"], Vector)


def test_inputs_that_float32_blurs_are_named(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 3)) + np.array([0.0, 1.7e9, 0.0])
    write_npz(tmp_path / "k.npz", x=x)
    assert [
        note
        for note in load(tmp_path / "k.npz").notes
        if "does not tell apart" in note and ": 1. Sub" in note
    ]


def test_marked_test_rows(tmp_path):
    write_npz(tmp_path / "t.npz", held=np.arange(60) >= 40)
    data = load(tmp_path / "t.npz", test="held")
    assert data.official_test.tolist() == [False] * 40 + [True] * 20


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"target": "labl"}, ["no column 'labl'", "one of: x, y, fine, real"]),
        ({}, {"aux": "fin"}, ["no column 'fin'", "Did you mean 'fine'?"]),
        ({"x": None}, {}, ["Which array", "one called x, X, images", "inputs='NAME'", "y [60]"]),
        ({"images": np.zeros((60, 2))}, {}, ["Which array"]),
        ({"x": np.zeros((60, 2, 2, 2, 2))}, {}, ["inputs 'x'", "[60, 2, 2, 2, 2]"]),
        ({"x": np.array(["a"] * 60)}, {}, ["inputs 'x'", "numbers"]),
        ({"x": np.zeros((60, 9, 9, 9))}, {}, ["which axis", "at most 4", "[60, 9, 9, 9]"]),
        ({"x": np.full((60, 2), np.nan)}, {}, ["NaN or infinity", "row 0, column 0", "120 such values"]),
        ({"x": np.full((60, 2), 1e300)}, {}, ["NaN or infinity"]),
        ({"y": np.zeros(59)}, {}, ["target 'y'", "60 numbers or words", "[59]"]),
        ({"y": np.zeros((60, 2), int)}, {}, ["has two axes"]),
        ({"y": np.zeros(60, complex)}, {}, ["complex128"]),
        ({"y": np.zeros(60, int)}, {}, ["too few classes", "at least two", "1 (0)"]),
        ({"y": np.full(60, -1)}, {}, ["too few classes", "Found 0", "missing labels"]),
        ({"y": np.full(60, np.nan)}, {}, ["target 'y'"]),
        ({"y": np.array([0, -3] * 30)}, {}, ["outside the range", "-3 in row 1 (the first of 30 such rows)"]),
        ({"real": np.full(60, np.inf)}, {"aux": "real"}, ["real"]),
        ({"held": np.arange(60)}, {"test": "held"}, ["'held'", "60 booleans"]),
        ({}, {"test": "held"}, ["no column 'held'"]),
    ],
)
def test_refused(tmp_path, changes, options, words):
    write_npz(tmp_path / "bad.npz", **changes)
    with pytest.raises(DataError) as error:
        load(tmp_path / "bad.npz", **options)
    for word in words:
        assert word.lower() in str(error.value).lower()


def test_a_target_named_twice(tmp_path):
    write_npz(tmp_path / "my.npz")
    with pytest.raises(ConfigError, match=r"named twice.*y"):
        load(tmp_path / "my.npz", aux="fine,y")


def test_python_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "o.npz", x=np.zeros((4, 2)), y=np.array([{"a": 1}] * 4, dtype=object))
    with pytest.raises(DataError, match=r"cannot be read.*without Python objects"):
        load(tmp_path / "o.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"hello"])
def test_damaged(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path / "d.npz")


def test_a_single_array_under_that_name(tmp_path):
    with (tmp_path / "d.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match=r"cannot be read.*numpy\.savez"):
        load(tmp_path / "d.npz")
