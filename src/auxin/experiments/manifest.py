"""Whose folder this is: a comparison's folder holds that comparison and no other."""

import json
from collections.abc import Mapping
from pathlib import Path

from auxin.errors import RunError, message
from auxin.experiments.files import write_text

NAME = "manifest.json"


def claim_folder(folder: Path, fingerprint: Mapping[str, object]) -> bool:
    """Make the folder this comparison's own; tells whether it was already (so that it goes on).

    Raises:
        RunError: the folder holds a different comparison (the differences are named), or files that are none of
            auxin's, or it cannot be made.
    """
    file = folder / NAME
    wanted = json.loads(json.dumps(fingerprint, default=str))
    if file.exists():
        _same(folder, _read(file), wanted)
        return True
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            message(
                f"The output folder {folder} is not empty and not auxin's",
                expected="a new or empty folder, or one of the same comparison",
                do="Choose another --out",
            )
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            message(f"The output folder {folder} cannot be made: {error}", do="Choose another --out")
        ) from error
    write_text(file, json.dumps(wanted, indent=2) + "\n")
    return False


def _read(file: Path) -> dict[str, object]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            message(f"{file} cannot be read: {error}", do="Choose another --out, or delete that folder")
        ) from error


def _same(folder: Path, found: Mapping[str, object], wanted: Mapping[str, object]) -> None:
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        told = "; ".join(
            f"{n} was {json.dumps(found.get(n))}, now {json.dumps(wanted[n])}" for n in different
        )
        raise RunError(
            message(
                f"The output folder {folder} holds a different comparison",
                expected="the same command again, to go on",
                found=told,
                do="Choose another --out",
            )
        )
