"""Result files on disk: written whole or not at all, and read back or refused by name.

What is written is flushed to the disk before it takes the place of an older file, so that a full disk, a kill
or a power cut leaves the older file or the new one, never half of one.
"""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, TypeVar

from pydantic import BaseModel, ValidationError

from auxin.errors import RunError

VERSION = 1
"""The version of the result files that this code writes and reads."""

R = TypeVar("R", bound=BaseModel)


PART = ".part"
"""How the name of a file ends that is still being written. A killed process leaves it behind."""


def write_json(path: Path, record: BaseModel) -> None:
    """Write a record whole or not at all: to a temporary file beside it, flushed to disk, then renamed.

    Raises:
        RunError: The disk is full, or the folder cannot be written to; an older file of that name is left as
            it was.
    """
    write_text(path, record.model_dump_json(indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, as `write_json` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, as `write_json` does."""
    with writing(path) as file:
        file.write(content)


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file, whole, where the block ends without an error."""
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def append_line(path: Path, record: BaseModel) -> None:
    """Append a record as one line of JSON.

    A line that cannot be written whole is taken back, and one that a killed run left unfinished makes way.

    Raises:
        RunError: The disk is full, or the file cannot be written to.
    """
    line = (record.model_dump_json() + "\n").encode()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b", buffering=0) as file:
            _drop_unfinished(file)
            _append_whole(file.fileno(), line)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _drop_unfinished(file: FileIO) -> None:
    """Cut the file after its last complete line."""
    size = end = file.seek(0, os.SEEK_END)
    while end and os.pread(file.fileno(), 1, end - 1) != b"\n":
        end -= 1
    if end < size:
        file.truncate(end)


def _append_whole(descriptor: int, line: bytes) -> None:
    before = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, before)
        raise


def _cannot_write(path: Path, error: OSError) -> RunError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what, do = "The disk is full", "Free some space and run the same command again"
    else:
        what, do = "A result file cannot be written", "Choose another folder with --out"
    return RunError(what, expected=f"to write {path}", found=error.strerror or str(error), do=do)


def read_json(path: Path, kind: type[R]) -> R:
    """Read a record back.

    Raises:
        RunError: The file is missing, corrupt, or of another version; the message names it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "bytes that are not UTF-8"
        raise RunError(f"The result file {path} cannot be read", found=found or str(error)) from error
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _corrupt(text, kind, path, error) from error


def _corrupt(text: str, kind: type[BaseModel], path: Path, error: ValidationError) -> RunError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    found, do = f"{place}: {first['msg']}" if place else first["msg"], "Remove the file and run again"
    with suppress(ValueError):
        value = json.loads(text)
        version = value.get("version") if isinstance(value, dict) else None
        if isinstance(version, int) and version != VERSION:
            found = f"version {version}"
            do = "Read it with the auxin that wrote it, or run the comparison again"
    expected = f"a {kind.__name__} of version {VERSION}"
    return RunError(f"The result file {path} is not usable", expected=expected, found=found, do=do)


UNIT = "unit"
"""The file in a unit's folder that holds the digest of the unit whose checkpoints are there."""


def digest_of(identity: Mapping[str, object]) -> str:
    """The SHA-256 of named values, whatever their order.

    >>> digest_of({"seed": 1, "lr": 0.1}) == digest_of({"lr": 0.1, "seed": 1})
    True
    """
    text = json.dumps(identity, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_unit(file: Path, kind: type[R], digest: str) -> R | None:
    """The record of a finished unit, or None where there is none or it has another digest.

    Raises:
        RunError: The file is corrupt; the message names it.
    """
    if not file.exists():
        return None
    found = read_json(file, kind)
    return found if getattr(found, "digest", "") == digest else None


def start_unit(folder: Path, digest: str) -> None:
    """Make the folder this unit's: checkpoints that another unit left there are removed."""
    file = folder / UNIT
    if not file.exists() or file.read_text(encoding="utf-8") != digest:
        for former in folder.glob("checkpoint*"):
            former.unlink(missing_ok=True)
        write_text(file, digest)
