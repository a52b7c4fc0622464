"""A learned rule on disk: one safetensors file with its options and its card; pickles are never read."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from auxin.errors import AuxinError, DataError, message
from auxin.tensor_files import read_tensors, write_tensors
from auxin.update_rules.learned import Learned

FORMAT = "auxin.rule"
VERSION = "1"
RULE = "rule.safetensors"
"""Name of the file in a training run's folder."""
_SHIPPED = Path(__file__).parent.parent / "update_rules"


def shipped_names() -> list[str]:
    """The rules that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.safetensors"))


def save_rule(rule: Learned, path: Path | str, card: dict[str, Any] | None = None) -> None:
    """Write theta, the rule's options, and a card with the record of its training."""
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "options": json.dumps(rule.options, sort_keys=True),
        "card": json.dumps(card or {}, sort_keys=True),
    }
    write_tensors(Path(path), rule.state_dict(), metadata)


def load_rule(name: Path | str) -> tuple[Learned, dict[str, Any]]:
    """The rule of a file or of a shipped name, and its card.

    Raises:
        DataError: No such file or name; a corrupt file; a file of another kind or version.

    >>> rule, card = load_rule("small")
    >>> rule.options["channels"]
    16
    """
    path = find_rule(name)
    tensors, metadata = read_tensors(path)
    return _built(path, metadata, tensors)


def content_of_rule(rule: Learned) -> str:
    """The SHA-256 of a rule's options and numbers, whatever its file is called."""
    total = hashlib.sha256(json.dumps(rule.options, sort_keys=True, default=str).encode())
    for name, values in sorted(rule.state_dict().items()):
        total.update(name.encode() + values.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def _built(
    path: Path, metadata: dict[str, str], tensors: dict[str, torch.Tensor]
) -> tuple[Learned, dict[str, Any]]:
    kind, version = metadata.get("format"), metadata.get("version")
    if kind != FORMAT or version != VERSION:
        raise DataError(
            f"The file {path} is no rule this version can read",
            expected=f"{FORMAT} version {VERSION}",
            found=f"{kind} version {version}",
        )
    try:
        rule = Learned(**json.loads(metadata["options"]))
        rule.load_state_dict(tensors)
        card = json.loads(metadata.get("card", "{}"))
        if not isinstance(card, dict):
            raise TypeError(f"its card is {type(card).__name__} instead of names and values")
    except (KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError, AuxinError) as error:
        raise DataError(f"The rule file {path} is damaged", found=str(error)) from error
    if not all(torch.isfinite(t).all() for t in tensors.values()):
        raise DataError(message(f"The rule file {path} holds numbers that are not finite"))
    return rule.eval().requires_grad_(False), card


def find_rule(name: Path | str) -> Path:
    """The file of a rule.

    Raises:
        DataError: There is no such file or name.
    """
    path = Path(name)
    for file in (path, path / RULE):
        if file.is_file():
            return file
    shipped = _SHIPPED / f"{name}.safetensors"
    if path.name == str(name) and shipped.is_file():
        return shipped
    raise DataError(
        f"There is no rule {str(name)!r}",
        expected=f"a rule file, a folder that holds {RULE}, or one of: {', '.join(shipped_names())}",
        do="`auxin rule train --out DIR` makes one.",
    )
