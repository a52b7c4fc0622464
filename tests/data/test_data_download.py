"""Downloads, from a server on this machine: whole and checked, or not at all."""

import gzip
import io
import shutil
import tarfile
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pooch
import pytest
from data_files import cifar100_parts, write_cifar100_binary, write_mnist

from auxin.data import cifar100, load, mnist
from auxin.data.reading.download import RemoteFile, fetch
from auxin.errors import DataError, RunError


@pytest.fixture(autouse=True)
def server(tmp_path, monkeypatch):
    """Serves tmp_path; `remote` makes its addresses."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given):
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, *given):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as made:
        Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        made.address = f"http://127.0.0.1:{made.server_port}"
        made.root = tmp_path
        yield made
        made.shutdown()


@pytest.fixture
def remote(server):
    def make(path, **changes):
        data = path.read_bytes()
        url = f"{server.address}/{path.relative_to(server.root)}"
        own = {"url": url, "sha256": sha256(data).hexdigest(), "size": len(data)}
        return RemoteFile(**{**own, **changes})

    return make


def test_mnist_is_fetched_once_and_read(remote, tmp_path, monkeypatch):
    write_mnist(tmp_path / "publisher")
    remotes = [remote(path) for path in sorted((tmp_path / "publisher").iterdir())]
    monkeypatch.setattr(mnist, "_REMOTES", remotes)
    root = tmp_path / "new" / "folder"
    assert len(load("mnist", root, download=True)) == 60
    assert sorted(p.name for p in root.iterdir()) == sorted(r.name for r in remotes)
    shutil.rmtree(tmp_path / "publisher")
    assert len(load("mnist", root, download=True)) == 60
    assert len(load("mnist", root)) == 60


def test_an_archive_is_unpacked(remote, tmp_path, monkeypatch):
    write_cifar100_binary(tmp_path / "publisher", cifar100_parts())
    archive = tmp_path / "publisher" / "cifar-100-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "publisher" / "cifar-100-binary", "cifar-100-binary")
    layout = cifar100._LAYOUT
    monkeypatch.setattr(cifar100, "_LAYOUT", type(layout)(**{**vars(layout), "remotes": [remote(archive)]}))
    assert len(load("cifar100", tmp_path / "root", download=True)) == 300
    assert sorted(p.name for p in (tmp_path / "root").iterdir()) == ["cifar-100-binary", archive.name]


def test_another_content_is_refused_and_nothing_is_left(remote, tmp_path):
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(
        DataError,
        match=r"differs from the file that its publisher described.*sha256:0000.*Found .*[0-9a-f]{64}",
    ):
        fetch([remote(file, sha256="0" * 64)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_an_address_without_a_file(server, tmp_path):
    url = f"{server.address}/nothing"
    with pytest.raises(DataError, match=r"cannot be downloaded.*Check the network"):
        fetch([RemoteFile(url, "", 1)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_full_disk_is_seen_before_anything_is_written(remote, tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"hello")
    with pytest.raises(RunError, match=r"disk is too full for a.*bytes free"):
        fetch([remote(file, size=1 << 60)], tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing(remote, tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_bytes(b"hello")

    def full(self, url, file, *given, **options):
        Path(file).write_bytes(b"he")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
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


def test_an_archive_cannot_write_outside(remote, tmp_path):
    file = archive_of(tmp_path, "../../outside")
    with pytest.raises(DataError, match="cannot be unpacked"):
        fetch([remote(file)], tmp_path / "deep" / "root")
    assert not list(tmp_path.rglob("outside"))


def test_a_truncated_archive(remote, tmp_path):
    file = archive_of(tmp_path, "inside")
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match=r"cannot be unpacked.*Delete it"):
        fetch([remote(file)], tmp_path / "root")
    assert not list((tmp_path / "root").glob(".unpacking*"))
