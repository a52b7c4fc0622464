"""idx files: read exactly, and refused clearly when they are not whole."""

import gzip
import struct

import numpy as np
import pytest
import torch
from data_files import idx_bytes, images, write_mnist

from auxin.data import load
from auxin.data.reading.idx import read_idx
from auxin.errors import ConfigError, DataError

TRAIN = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("inside", ["", "{name}", "{name}/raw"])
def test_round_trip(tmp_path, name, zipped, inside):
    made = write_mnist(tmp_path / inside.format(name=name), zipped=zipped)
    data = load(name, tmp_path)
    (x, y), (tx, ty) = made["train"], made["t10k"]
    assert data.x.equal(torch.from_numpy(np.concatenate([x, tx])[:, None]))
    assert data.y[data.main].tolist() == [*y.tolist(), *ty.tolist()]
    assert data.official_test.tolist() == [False] * 40 + [True] * 20
    assert "t10k-labels-idx1-ubyte" in data.source


def test_parity_has_the_digit_as_finer_task(tmp_path):
    write_mnist(tmp_path)
    data = load("mnist", tmp_path, target="parity")
    assert data.main == "parity"
    assert data.y["parity"].equal(data.y["digit"] % 2)
    assert data.parents["digit"].tolist() == [0, 1] * 5


def test_fashion_says_when_it_reads_the_smaller_files(tmp_path):
    write_mnist(tmp_path, train="train10k")
    assert "train10k-images" in load("fashion_mnist", tmp_path).source
    with pytest.raises(DataError, match="files of mnist are not in"):
        load("mnist", tmp_path)
    write_mnist(tmp_path, train="train")
    assert "train10k" not in load("fashion_mnist", tmp_path).source


def broken(name, change):
    return pytest.param(name, change, id=change.__name__ + "-" + name)


def cut_gzip(data):
    return data[: len(data) // 2]


def flip_gzip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


def no_gzip(data):
    return b"<html>404</html>"


def wrong_magic(data):
    plain = bytearray(gzip.decompress(data))
    plain[2] = 0x0D
    return gzip.compress(bytes(plain))


def short_values(data):
    return gzip.compress(gzip.decompress(data)[:-5])


def long_values(data):
    return gzip.compress(gzip.decompress(data) + b"12345")


def short_head(data):
    return gzip.compress(b"\0\0\x08")


def empty(data):
    return b""


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (TRAIN, cut_gzip, ["a whole gzip file", "Fetch it again"]),
        (TRAIN, flip_gzip, ["a whole gzip file"]),
        (TRAIN, no_gzip, ["a whole gzip file"]),
        (TRAIN, wrong_magic, ["magic number 00000803", "it begins 00000d03"]),
        (LABELS, wrong_magic, ["magic number 00000801", "it begins 00000d01"]),
        (TRAIN, short_values, ["31,360 bytes", "31,355 bytes"]),
        (TRAIN, long_values, ["31,360 bytes", "31,365 bytes"]),
        (TRAIN, short_head, ["it begins 000008"]),
        (TRAIN, empty, ["it begins empty"]),
    ],
)
def test_damaged_files(tmp_path, name, change, words):
    write_mnist(tmp_path)
    path = tmp_path / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError) as error:
        load("mnist", tmp_path)
    for word in [str(path), "cannot be read", *words]:
        assert word in str(error.value)


def test_images_and_labels_of_different_number(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / LABELS).write_bytes(gzip.compress(idx_bytes(np.zeros(39, np.uint8))))
    with pytest.raises(DataError, match=r"do not belong together.*40 images, 39 labels"):
        load("mnist", tmp_path)


def test_labels_where_images_should_be(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / TRAIN).write_bytes((tmp_path / LABELS).read_bytes())
    with pytest.raises(DataError, match=r"magic number 00000803.*it begins 00000801"):
        load("mnist", tmp_path)


def test_labels_out_of_range(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / LABELS).write_bytes(gzip.compress(idx_bytes(np.full(40, 10, np.uint8))))
    with pytest.raises(DataError, match=r"labels 0 to 9.*Found 10"):
        load("mnist", tmp_path)


def test_a_huge_claim_is_refused_without_making_room_for_it(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 2**31) + b"1")
    with pytest.raises(DataError, match="1 bytes"):
        read_idx(path, 3)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(DataError, match=r"no folder was given.*root='DIR'.*download=True"):
        load("mnist")
    with pytest.raises(DataError, match=r"There is no folder .*nowhere.*Correct root="):
        load("mnist", tmp_path / "nowhere")
    write_mnist(tmp_path)
    (tmp_path / LABELS).unlink()
    with pytest.raises(DataError) as error:
        load("mnist", tmp_path)
    for word in (str(tmp_path), "train-labels-idx1-ubyte[.gz]", TRAIN, "https://"):
        assert word in str(error.value)


def test_unknown_target(tmp_path):
    write_mnist(tmp_path)
    with pytest.raises(ConfigError, match=r"no target 'colour'.*'digit' or 'parity'"):
        load("mnist", tmp_path, target="colour")
    assert images(1).shape == (1, 3, 32, 32)
