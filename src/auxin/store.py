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
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from auxin.errors import RunError, message

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
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
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
        what, do = (
            "The disk is full",
            "Free some space and run the same command again: finished runs are kept",
        )
    else:
        what, do = "A result file cannot be written", "Choose another folder with --out"
    return RunError(message(what, expected=f"to write {path}", found=error.strerror or str(error), do=do))


def read_json(path: Path, kind: type[R]) -> R:
    """Read a record back.

    Raises:
        RunError: The file is missing, corrupt, or of another version; the message names it.
    """
    return _parse(_read(path), kind, str(path))


def read_lines(path: Path, kind: type[R]) -> list[R]:
    """Read a file of one record per line back; a last line without its end (a killed run) is dropped.

    Raises:
        RunError: The file is missing, or a complete line is corrupt; the message names file and line.
    """
    return list(_read_lines(path, kind))


def _read_lines(path: Path, kind: type[R]) -> Iterator[R]:
    *lines, _unfinished = _read(path).split("\n")
    for number, line in enumerate(lines, start=1):
        yield _parse(line, kind, f"{path}, line {number}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "bytes that are not UTF-8"
        raise RunError(
            message(f"The result file {path} cannot be read", found=found or str(error))
        ) from error


def _parse(text: str, kind: type[R], where: str) -> R:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise RunError(_corrupt(text, kind, where, error)) from error


def _corrupt(text: str, kind: type[BaseModel], where: str, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    version = _version(text)
    if version is not None and version != VERSION:
        found, do = f"version {version}", "Read it with the auxin that wrote it, or run the comparison again"
    else:
        found, do = f"{place}: {first['msg']}" if place else first["msg"], "Remove the file and run again"
    return message(
        f"The result file {where} is not usable",
        expected=f"a {kind.__name__} of version {VERSION}",
        found=found,
        do=do,
    )


def _version(text: str) -> int | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, int) else None


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


MANIFEST = "manifest.json"
LOCK = ".auxin.lock"
_locks: dict[Path, FileLock] = {}


def claim_folder(folder: Path, identity: Mapping[str, object], *, alone: bool = True) -> bool:
    """Make the folder this study's own, for this process alone; tells whether it was already (so that it resumes).

    A folder that was claimed and holds no result yet may be claimed by another study.

    The lock is held until the process ends or calls `release_folder`. An operating system takes it from a process
    that was killed.

    Args:
        folder: Folder of the result files; it is made where it is not there.
        identity: What makes two studies the same, by name. `data content` is a hash of the data's rows.
        alone: Whether other processes are kept out.

    Raises:
        RunError: The folder holds another study's results (the differences are named), or files that are none of
            auxin's; another process is writing into it; or it cannot be made.
    """
    file = folder / MANIFEST
    wanted = json.loads(json.dumps(identity, default=str))
    if not file.exists() and folder.exists() and (not folder.is_dir() or _strangers(folder)):
        raise RunError(
            message(
                f"The output folder {folder} is not empty and not auxin's",
                expected="a new or empty folder, or one of the same study",
                do="Choose another --out",
            )
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if alone:
            _lock(folder)
            _remove_unfinished(folder)
    except OSError as error:
        raise RunError(
            message(f"The output folder {folder} cannot be made: {error}", do="Choose another --out")
        ) from error
    if file.exists():
        found = _manifest(file)
        if not (alone and _bare(folder)):
            _same(folder, found, wanted)
            return True
        if found == wanted:
            return True
    write_text(file, json.dumps(wanted, indent=2) + "\n")
    return False


def release_folder(folder: Path) -> None:
    """Let other processes write into the folder again."""
    lock = _locks.pop(folder.resolve(), None)
    if lock is not None:
        lock.release()


def _lock(folder: Path) -> None:
    place = folder.resolve()
    if place in _locks:
        return
    lock = FileLock(place / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError(
            message(
                f"Another auxin command is writing into {folder}",
                expected="one command at a time in a folder",
                do="Wait until it has finished, or choose another --out",
            )
        ) from error
    _locks[place] = lock


def _remove_unfinished(folder: Path) -> None:
    """Remove the files that a killed process had not written whole."""
    for file in folder.rglob(f".*{PART}"):
        file.unlink(missing_ok=True)


def _bare(folder: Path) -> bool:
    """Whether a claimed folder holds no result: nothing but manifests, locks and folders."""
    return all(path.name in (MANIFEST, LOCK, UNIT) or path.is_dir() for path in folder.rglob("*"))


def _strangers(folder: Path) -> bool:
    return any(path.name != LOCK and not _unfinished(path) for path in folder.iterdir())


def _unfinished(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(PART)


def _manifest(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"it holds {type(found).__name__} instead of names and values")
    except (OSError, ValueError) as error:
        raise RunError(
            message(f"{file} cannot be read: {error}", do="Choose another --out, or delete that folder")
        ) from error
    return found


CONTENT = "data content"


def _same(folder: Path, found: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different == [CONTENT] and CONTENT not in found:
        raise RunError(
            message(
                f"The results in {folder} were written by auxin 0.1, which did not record the content of the data",
                do="`auxin report` reads them; choose another --out to run the study again",
            )
        )
    if different:
        pairs = [f"{n} was {_short(found.get(n))}, now {_short(wanted[n])}" for n in different]
        changed = different == [CONTENT]
        raise RunError(
            message(
                f"The output folder {folder} holds results of other data: the rows of the data have changed since"
                if changed
                else f"The output folder {folder} holds a different study",
                expected="the same command on the same data, to resume",
                found="; ".join(pairs),
                do="Choose another --out",
            )
        )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 300 else text[:300] + " ..."
