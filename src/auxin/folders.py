"""Folders of results: claimed by one study and one process at a time, and recognised by their manifest."""

import json
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock, Timeout

from auxin import catalogue
from auxin.errors import ConfigError, RunError
from auxin.store import PART, UNIT, write_text

MANIFEST = "manifest.json"
LOCK = ".auxin.lock"
FORMER_RULE = "rule.safetensors"
"""In a folder without a manifest: what `rule train` of auxin 0.1 wrote."""
OWN = (".json", ".jsonl", ".safetensors", ".skops", ".lock")
"""Endings of the files that auxin keeps in a folder of results."""
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
    wanted = _complete(identity)
    if not file.exists() and (folder / FORMER_RULE).is_file():
        raise _former(folder, "`auxin rule apply` reads its rule; choose another --out to train one again")
    if not file.exists() and folder.exists() and (not folder.is_dir() or _strangers(folder)):
        raise RunError(
            f"The output folder {folder} is not empty and not auxin's",
            expected="a new or empty folder, or one of the same study",
            do="Choose another --out",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if alone:
            _lock(folder)
            _remove_unfinished(folder)
    except OSError as error:
        wrong = f"The output folder {folder} cannot be made: {error}"
        raise RunError(wrong, do="Choose another --out") from error
    if file.exists():
        found = _manifest(file)
        if not (alone and _bare(folder)):
            _same(folder, found, wanted)
            return True
        if found == wanted:
            return True
    write_text(file, json.dumps(wanted, indent=2) + "\n")
    return False


def check_output(file: Path, *sources: Path | str) -> None:
    """Refuse to write over a file that the command reads: the data, or a file of a model's or a study's folder.

    Args:
        file: The file to write.
        sources: Files and folders that the command reads.

    Raises:
        ConfigError: The file is one of these, or one of auxin's own in such a folder.
    """
    if not file.exists():
        return
    for source in map(Path, sources):
        try:
            same = source.exists() and file.samefile(source)
            own = file.suffix in OWN and source.is_dir() and file.resolve().is_relative_to(source.resolve())
        except OSError:  # no name of a file, such as that of a known data set
            continue
        if same or own:
            raise ConfigError(
                f"{file} is read by this command and would be overwritten",
                expected="an output file of its own",
                do="Choose another file",
            )


def check_ending(file: Path, *endings: str) -> None:
    """Refuse a file name whose ending does not tell what the file will hold.

    Args:
        file: The file to write.
        endings: The endings that do, such as ".onnx".

    Raises:
        ConfigError: The name has another ending, or none.
    """
    if file.suffix.lower() not in endings:
        raise ConfigError(
            f"The ending of the output file {file} does not fit what is written",
            expected=" or ".join(endings),
            found=repr(file.suffix) if file.suffix else "no ending",
            do=f"Name it {file.with_suffix(endings[0]).name}" if file.name else "Give a file name",
        )


def refuse_claimed(folder: Path) -> None:
    """Refuse a folder that a study has claimed, for a command that keeps its results in folders of it.

    Raises:
        RunError: It holds a manifest.
    """
    if (folder / MANIFEST).exists():
        what = f"The output folder {folder} holds a different study"
        found = _short(_manifest(folder / MANIFEST))
        raise RunError(what, expected="a folder of its own", found=found, do="Choose another --out")


def _complete(identity: Mapping[str, object]) -> dict[str, object]:
    """A study's identity as the manifest holds it, with the code that computes its results."""
    text = json.dumps(identity, default=str)
    return {**json.loads(text), VERSION: _version(), CODE: catalogue.own_code(text)}


def _version() -> str:
    try:
        return version("auxin")
    except PackageNotFoundError:
        return "not installed"


def release_folder(folder: Path) -> None:
    """Let other processes write into the folder again."""
    if (lock := _locks.pop(folder.resolve(), None)) is not None:
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
            f"Another auxin command is writing into {folder}",
            expected="one command at a time in a folder",
            do="Wait until it has finished, or choose another --out",
        ) from error
    _locks[place] = lock


def _remove_unfinished(folder: Path) -> None:
    """Remove the files and folders that a killed process had not written whole."""
    for path in list(folder.rglob(f".*{PART}")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _bare(folder: Path) -> bool:
    """Whether a claimed folder holds no result: nothing but manifests, locks and folders."""
    return all(path.name in (MANIFEST, LOCK, UNIT) or path.is_dir() for path in folder.rglob("*"))


def _strangers(folder: Path) -> bool:
    """Whether a folder without a manifest holds anything but a lock and files that were not written whole."""
    return any(name != LOCK and not (name[0] == "." and name.endswith(PART)) for name in os.listdir(folder))


def _manifest(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"it holds {type(found).__name__} instead of names and values")
    except (OSError, ValueError) as error:
        do = "Choose another --out, or delete that folder"
        raise RunError(f"{file} cannot be read: {error}", do=do) from error
    return found


CONTENT = "data content"
VERSION = "auxin version"
CODE = "own code"
OTHER = {
    CONTENT: "results of other data: the rows of the data have changed since",
    VERSION: "results of another version of auxin",
    CODE: "results of other code: a plugin or a module of your own has changed since",
}
"""What a folder holds where its manifest differs in this alone."""


def _former(folder: Path, do: str) -> RunError:
    what = f"The results in {folder} were written by auxin 0.1, which did not record the content of the data"
    return RunError(what, do=do)


def _same(folder: Path, found: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    recorded = {name: wanted[name] for name in wanted if name in found or name not in (VERSION, CODE)}
    different = [name for name in recorded if found.get(name) != wanted[name]]
    if CONTENT in different and CONTENT not in found and VERSION not in found:
        raise _former(
            folder,
            "`auxin report` reads comparisons and models, and `auxin predict` reads models; choose another --out to "
            "run it again",
        )
    if different:
        pairs = [pair for n in different for pair in _changes(n, found.get(n), wanted[n])]
        what = OTHER.get(different[0], "a different study") if len(different) == 1 else "a different study"
        raise RunError(
            f"The output folder {folder} holds {what}",
            expected="the same command on the same data, to resume",
            found="; ".join(pairs),
            do="Choose another --out",
        )


def _changes(name: str, was: object, now: object) -> list[str]:
    """What differs, by the innermost names: `training.settings.steps was 3, now 4`."""
    if name == CONTENT:
        return ["other rows than those of the recorded results"]
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        names = [str(n) for n in {**was, **now} if was.get(n) != now.get(n)]
        return [pair for n in names for pair in _changes(f"{name}.{n}", was.get(n), now.get(n))]
    return [f"{name} was {_short(was)}, now {_short(now)}"]


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 300 else text[:300] + " ..."
