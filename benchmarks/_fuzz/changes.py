"""Random changes of files: of bytes, lines, JSON values and tensors; and checksums that fit the changed content."""

import copy
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as as_bytes

from auxin.exported.folder import CARD, ESTIMATORS, WEIGHTS, checksum
from auxin.tensor_files import read_tensors, write_tensors

WORDS = (b"1e400", b"nan", b"-1", b"[]", b"{}", b"null", b"\xff", b"\x00", b"'", b'"', b",", b"9" * 30, b"?", b"",
         b"true", b"0", b"1e9", b'"x"')  # fmt: skip
VALUES: tuple[Any, ...] = (None, True, -1, 0, 1, 2, 10**9, 10**30, 1.5, -0.5, float("nan"), float("inf"), "", "x",
                           "mlp", "a:b", "../x", "0", [], [0], [-1], ["x"], {}, {"x": 1}, {"kind": "x"})  # fmt: skip
Draw = np.random.Generator
Change = Callable[[bytes, Draw], bytes]


def flipped(content: bytes, draw: Draw) -> bytes:
    """The content after one to four changes of its bytes."""
    made = bytearray(content)
    for _ in range(int(draw.integers(1, 5))):
        place = int(draw.integers(0, len(made) + 1))
        length = int(draw.integers(1, 20))
        how = draw.integers(0, 5)
        if how == 0 and place < len(made):
            made[place] ^= 1 << int(draw.integers(0, 8))
        elif how == 1:
            del made[place : place + length]
        elif how == 2:
            made[place:place] = WORDS[int(draw.integers(0, len(WORDS)))]
        elif how == 3:
            made[place:place] = made[place : place + length]
        elif draw.random() < 0.2:
            del made[place:]
    return bytes(made)


def reworded(content: bytes, draw: Draw) -> bytes:
    """The content with the right side of one to three of its lines `NAME = VALUE` replaced, or the line doubled."""
    lines = content.split(b"\n")
    for _ in range(int(draw.integers(1, 4))):
        number = int(draw.integers(0, len(lines)))
        name, mark, value = lines[number].partition(b"=")
        word = WORDS[int(draw.integers(0, len(WORDS)))]
        lines[number] = name + mark + (b" " + word if draw.random() < 0.8 else value + b"\n" + lines[number])
    return b"\n".join(lines)


def reshaped(content: bytes, draw: Draw) -> bytes:
    """A JSON document with one to three of its values replaced, removed or repeated."""
    tree = json.loads(content)
    for _ in range(int(draw.integers(1, 4))):
        _one_value(tree, draw)
    return json.dumps(tree).encode()


def _one_value(tree: Any, draw: Draw) -> None:
    while True:
        keys: list[Any] = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = keys[int(draw.integers(0, len(keys)))]
        if isinstance(tree[key], dict | list) and tree[key] and draw.random() < 0.8:
            tree = tree[key]
            continue
        if draw.random() < 0.15:
            del tree[key]
        elif draw.random() < 0.15:
            tree[key] = copy.deepcopy(tree[keys[int(draw.integers(0, len(keys)))]])
        else:
            tree[key] = copy.deepcopy(
                VALUES[int(draw.integers(0, len(VALUES)))]
            )  # a later change may go into it
        return


def retensored(content: bytes, draw: Draw) -> bytes:
    """A safetensors file with one of its tensors replaced, renamed or removed."""
    tensors = parse_tensors(content)
    _one_tensor(tensors, draw)
    return as_bytes(tensors)


def _one_tensor(tensors: dict[str, torch.Tensor], draw: Draw) -> None:
    name = list(tensors)[int(draw.integers(0, len(tensors)))]
    value = tensors.pop(name)
    makes: list[Callable[[], dict[str, torch.Tensor]]] = [
        dict,
        lambda: {f"{name}x": value},
        lambda: {name: value.flatten()[:1]},
        lambda: {name: value[None]},
        lambda: {name: torch.cat([value, value]) if value.dim() else value[None]},
        lambda: {name: value.long()},
        lambda: {name: value.bool()},
        lambda: {name: value.double()},
        lambda: {name: value * 1e30},
        lambda: {name: value - value},
        lambda: {name: value[:0] if value.dim() else value},
        lambda: {name: (value * 0).log()},
    ]
    tensors |= {n: t.contiguous() for n, t in makes[int(draw.integers(0, len(makes)))]().items()}


def rezipped(content: bytes, draw: Draw) -> bytes:
    """An archive of skops with a value of its schema replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, reshaped(part, draw) if name == "schema.json" else part)
    return made.getvalue()


def rerule(content: bytes, draw: Draw) -> bytes:
    """A rule file with another tensor or option, signed again."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "r.safetensors"
        file.write_bytes(content)
        tensors, words = read_tensors(file)
        if draw.random() < 0.5:
            _one_tensor(tensors, draw)
        else:
            part = "options" if draw.random() < 0.8 else "card"
            words[part] = reshaped(words[part].encode(), draw).decode()
        write_tensors(file, tensors, words)
        return file.read_bytes()


def sign(file: Path) -> None:
    """Give a model's card the checksums of the files as they are now."""
    card = file.parent / CARD
    try:
        plain = json.loads(card.read_bytes())
        plain["weights"] = sha256((file.parent / WEIGHTS).read_bytes()).hexdigest()
        if plain.get("estimators"):
            plain["estimators"] = sha256((file.parent / ESTIMATORS).read_bytes()).hexdigest()
        plain["checksum"] = checksum(plain)
        card.write_text(json.dumps(plain))
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return  # it is no card any more
