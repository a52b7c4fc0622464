"""Files of tensors: written whole or not at all, with a checksum that is compared when they are read.

Two kinds: safetensors for what is kept (networks, rules, labels), whose checksum stands in the file's own metadata
under `sha256`; and checkpoints (nested dictionaries), whose checksum stands behind the last byte. Files that an
older auxin wrote have no checksum and are read as they are.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from auxin.errors import DamagedError, message
from auxin.store import write_bytes

CHECKSUM = "sha256"
_MARK = b"\nauxin sha256 "
_TAIL = len(_MARK) + 64


def write_tensors(
    file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors by name as safetensors.

    Args:
        file: The file; its folder is made.
        tensors: Tensors by name; they are copied to the CPU.
        metadata: Words to keep with them.

    Raises:
        RunError: The disk is full, or the file cannot be written.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    words = dict(metadata or {})
    write_bytes(file, save(plain, {**words, CHECKSUM: _digest(plain, words)}))


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name, and the metadata without the checksum.

    Raises:
        DamagedError: The file is not there, is no safetensors file, or its content does not match its checksum.
    """
    try:
        with safe_open(str(file), framework="pt") as found:
            words = dict(found.metadata() or {})
            tensors = {name: found.get_tensor(name) for name in found.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise DamagedError(f"The file {file} cannot be read", found=str(error)) from error
    wanted = words.pop(CHECKSUM, None)
    if wanted is not None and wanted != (found_digest := _digest(tensors, words)):
        raise DamagedError(_differs(file, wanted, found_digest))
    return tensors, words


def _digest(tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> str:
    words = json.dumps(dict(metadata), sort_keys=True).encode()
    return hashlib.sha256(save(tensors) + words).hexdigest()


def write_state(file: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint: nested dictionaries and lists of tensors, numbers and words.

    Raises:
        RunError: The disk is full, or the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    write_bytes(file, content + _MARK + hashlib.sha256(content).hexdigest().encode())


def read_state(file: Path) -> dict[str, Any]:
    """What `write_state` wrote, on the CPU.

    Raises:
        DamagedError: The file is not there, is no checkpoint, or its content does not match its checksum.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DamagedError(f"The checkpoint {file} cannot be read", found=str(error)) from error
    if content[-_TAIL:].startswith(_MARK):
        content, wanted = content[:-_TAIL], content[-64:].decode(errors="replace")
        found = hashlib.sha256(content).hexdigest()
        if found != wanted:
            raise DamagedError(_differs(file, wanted, found))
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen kinds on damaged input
        first = str(error).split("\n", 1)[0]
        raise DamagedError(f"The checkpoint {file} cannot be read", found=first) from error


def set_aside(file: Path) -> Path:
    """Rename a damaged file to NAME.damaged, so that work can start again without it; where it is now."""
    aside = file.with_name(file.name + ".damaged")
    file.replace(aside)
    return aside


def _differs(file: Path, wanted: str, found: str) -> str:
    return message(
        f"The file {file} is damaged: its content does not match its checksum",
        expected=f"SHA-256 {wanted[:12]}...",
        found=f"SHA-256 {found[:12]}...",
    )
