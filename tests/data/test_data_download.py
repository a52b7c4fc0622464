"""Downloads, from `file://` addresses: whole and checked, or not at all."""

import gzip
import io
import shutil
import tarfile
from hashlib import sha256

import pytest
from data_files import cifar100_parts, write_cifar100_binary, write_mnist

from auxin.data import cifar100, load, mnist
from auxin.data.reading import download
from auxin.data.reading.download import Remote, fetch
from auxin.errors import DataError, RunError


def remote(path, **changes):
    data = path.read_bytes()
    return Remote(**{"url": path.as_uri(), "sha256": sha256(data).hexdigest(), "size": len(data), **changes})


def test_mnist_is_fetched_once_and_read(tmp_path, monkeypatch):
    write_mnist(tmp_path / "publisher")
    remotes = [remote(path) for path in sorted((tmp_path / "publisher").iterdir())]
    monkeypatch.setattr(mnist, "_REMOTES", remotes)
    root = tmp_path / "new" / "folder"
    assert len(load("mnist", root, download=True)) == 60
    assert sorted(p.name for p in root.iterdir()) == sorted(r.name for r in remotes)
    shutil.rmtree(tmp_path / "publisher")
    assert len(load("mnist", root, download=True)) == 60
    assert len(load("mnist", root)) == 60


def test_an_archive_is_unpacked(tmp_path, monkeypatch):
    write_cifar100_binary(tmp_path / "publisher", cifar100_parts())
    archive = tmp_path / "publisher" / "cifar-100-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "publisher" / "cifar-100-binary", "cifar-100-binary")
    layout = cifar100._LAYOUT
    monkeypatch.setattr(cifar100, "_LAYOUT", type(layout)(**{**vars(layout), "remotes": [remote(archive)]}))
    assert len(load("cifar100", tmp_path / "root", download=True)) == 300
    assert sorted(p.name for p in (tmp_path / "root").iterdir()) == ["cifar-100-binary", archive.name]


def test_another_content_is_refused_and_nothing_is_left(tmp_path):
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(
        DataError, match=r"not the file its publisher described.*SHA-256 0000.*Found [0-9a-f]{64}"
    ):
        fetch([remote(file, sha256="0" * 64)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_an_address_without_a_file(tmp_path):
    url = (tmp_path / "nothing").as_uri()
    with pytest.raises(DataError, match=r"cannot be downloaded.*Check the network"):
        fetch([Remote(url, "", 1)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"hello")
    with pytest.raises(RunError, match=r"disk is too full for a.*bytes free"):
        fetch([remote(file, size=1 << 60)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_bytes(b"hello")

    def full(url, path):
        path.write_bytes(b"he")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_copy", full)
    with pytest.raises(DataError, match="No space left"):
        fetch([remote(file)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def archive_of(tmp_path, name):
    path = tmp_path / "bad.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 2
        tar.addfile(member, io.BytesIO(b"hi"))
    return path


def test_an_archive_cannot_write_outside(tmp_path):
    file = archive_of(tmp_path, "../../outside")
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch([remote(file)], tmp_path / "deep" / "root")
    assert not list(tmp_path.rglob("outside"))


def test_a_truncated_archive(tmp_path):
    file = archive_of(tmp_path, "inside")
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match=r"cannot be unpacked.*Delete it"):
        fetch([remote(file)], tmp_path / "root")
    assert not list((tmp_path / "root").glob(".unpacking*"))
