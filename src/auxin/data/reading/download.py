"""Fetch a publisher's files by pooch: whole and checked, or not at all."""

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxin.errors import DataError, RunError


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a publisher offers: where, its SHA-256 (or another hash, as `md5:...`), and its size in bytes."""

    url: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def known_hash(self) -> str:
        """The hash with its kind, as pooch takes it."""
        return self.sha256 if ":" in self.sha256 else f"sha256:{self.sha256}"


def fetch(remotes: Sequence[RemoteFile], folder: Path) -> None:
    """Download files into a folder and unpack those that are tar archives; skips what is already there.

    A file appears under its name only when it is whole and its hash is right.

    Raises:
        DataError: The file cannot be had, or is not what its publisher said.
        RunError: The disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for remote in remotes:
        file = folder / remote.name
        if not file.exists():
            _fetch(remote, file)
        if file.name.endswith((".tar.gz", ".tgz", ".tar")):
            unpack(file, folder)


def _fetch(remote: RemoteFile, file: Path) -> None:
    if (free := shutil.disk_usage(file.parent).free) < remote.size:
        raise RunError(
            f"The disk is too full for {remote.name}",
            expected=f"{remote.size:,} bytes",
            found=f"{free:,} bytes free in {file.parent}",
        )
    import pooch  # only here: it brings requests, and most commands download nothing

    pooch.get_logger().setLevel("WARNING")
    get: Any = pooch.HTTPDownloader(progressbar=False, timeout=60)
    try:
        pooch.retrieve(remote.url, remote.known_hash, file.name, file.parent, downloader=get)
    except ValueError as error:  # the way in which pooch says that the hash is another one
        raise DataError(
            f"{remote.url} differs from the file that its publisher described",
            expected=remote.known_hash,
            found=str(error),
            do="Try again, or fetch the file by hand",
        ) from error
    except OSError as error:  # every error of requests is one, as is a full disk
        raise DataError(
            f"{remote.url} cannot be downloaded",
            found=str(error),
            do=f"Check the network, or fetch it by hand into {file.parent}",
        ) from error


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive into a folder; nothing of it can land outside.

    Raises:
        DataError: The archive is damaged.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacking-") as temporary:
        try:
            with tarfile.open(archive, "r:*") as tar:
                tar.extractall(temporary, filter="data")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError(
                f"{archive} cannot be unpacked",
                expected="a whole tar archive",
                found=str(error),
                do="Delete it and fetch it again",
            ) from error
        for entry in sorted(Path(temporary).iterdir()):
            if not (folder / entry.name).exists():
                shutil.move(entry, folder / entry.name)
