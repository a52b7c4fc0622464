"""Fetch a publisher's files: whole and checked, or not at all."""

import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from auxin.errors import DataError, RunError, message

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that a publisher offers: where, its SHA-256, and its size in bytes."""

    url: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[-1]


def fetch(remotes: Sequence[Remote], folder: Path) -> None:
    """Download files into a folder and unpack those that are `.tar.gz` archives; skips what is already there.

    A file appears under its name only when it is whole and its SHA-256 is right.

    Raises:
        DataError: the file cannot be had, or is not what its publisher said.
        RunError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for remote in remotes:
        file = folder / remote.name
        if not file.exists():
            _fetch(remote, file)
        if file.name.endswith(".tar.gz"):
            unpack(file, folder)


def _fetch(remote: Remote, file: Path) -> None:
    if (free := shutil.disk_usage(file.parent).free) < remote.size:
        raise RunError(
            message(
                f"The disk is too full for {remote.name}",
                expected=f"{remote.size:,} bytes",
                found=f"{free:,} bytes free in {file.parent}",
            )
        )
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        found = _copy(remote.url, part)
        if found != remote.sha256:
            raise DataError(
                message(
                    f"{remote.url} is not the file its publisher described",
                    expected=f"SHA-256 {remote.sha256}",
                    found=found,
                    do="Try again, or fetch the file by hand",
                )
            )
        part.replace(file)
    except (urllib.error.URLError, OSError) as error:
        raise DataError(
            message(
                f"{remote.url} cannot be downloaded",
                found=str(error),
                do=f"Check the network, or fetch it by hand into {file.parent}",
            )
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _copy(url: str, file: Path) -> str:
    """Copy a URL to a file; its SHA-256."""
    total = sha256()
    with urllib.request.urlopen(url, timeout=60) as stream, file.open("wb") as sink:
        while piece := stream.read(_PIECE):
            total.update(piece)
            sink.write(piece)
    return total.hexdigest()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a `.tar.gz` into a folder; nothing of it can land outside.

    Raises:
        DataError: the archive is damaged.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacking-") as temporary:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(temporary, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError(
                message(
                    f"{archive} cannot be unpacked",
                    expected="a whole .tar.gz archive",
                    found=str(error),
                    do="Delete it and fetch it again",
                )
            ) from error
        for entry in sorted(Path(temporary).iterdir()):
            if not (folder / entry.name).exists():
                shutil.move(entry, folder / entry.name)
