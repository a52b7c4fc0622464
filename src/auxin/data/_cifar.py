"""The CIFAR sets in every form they are published in: Python pickles, binary, Parquet, and `.npz`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged, missing
from auxin.data.reading.npz import read_npz
from auxin.data.reading.parquet import read_table
from auxin.data.reading.pickles import load_pickle

SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Layout:
    """Where one of the CIFAR sets keeps what.

    Attributes:
        name: The set's name; `NAME_train.npz`, `NAME_test.npz` and a folder NAME are looked for.
        python: The folder of the Python version.
        binary: The folder of the binary version.
        train, test: The files' names in those, without the binary version's `.bin`.
        classes: How many classes each label column has, in the order of the binary version's label bytes.
        keys: Each label column's name in (the pickles, Parquet, `.npz`).
        remotes: Where it can be had.
    """

    name: str
    python: str
    binary: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    classes: Mapping[str, int]
    keys: Mapping[str, tuple[str, str, str]]
    remotes: Sequence[RemoteFile]


@dataclass(frozen=True)
class CifarPart:
    """Training or test rows: images uint8 [N, 3, 32, 32], labels int64 [N], file names where kept."""

    images: Tensor
    labels: dict[str, Tensor]
    files: list[str] | None = None

    @classmethod
    def join(cls, parts: Sequence["CifarPart"]) -> "CifarPart":
        """Several as one."""
        labels = {k: torch.cat([p.labels[k] for p in parts]) for k in parts[0].labels}
        whole = all(p.files is not None for p in parts)
        files = [f for p in parts for f in p.files or []] if whole else None
        return cls(torch.cat([p.images for p in parts]), labels, files)


Reader = Callable[[Layout, Path], CifarPart]


def read_cifar(layout: Layout, root: Path) -> tuple[CifarPart, CifarPart, str]:
    """The training rows, the test rows, and which files they are from.

    The forms are looked for in the order: Python pickles, binary, `.npz`, Parquet; the first that is there
    is read.

    Raises:
        DataError: No form is there whole, or a file is damaged.
    """
    for forms in zip(_forms(layout, root), _forms(layout, root / layout.name), strict=True):
        for read, files in forms:
            if all(paths and all(path.is_file() for path in paths) for paths in files.values()):
                train, test = (_checked(layout, read, files[side]) for side in ("train", "test"))
                return train, test, ", ".join(f.name for side in files.values() for f in side)
    looked = [
        f"{layout.python}/{{{','.join((*layout.train, *layout.test))}}}",
        f"{layout.binary}/*.bin",
        f"{layout.name}_{{train,test}}.npz",
        "{train,test}*.parquet",
    ]
    raise missing(layout.name, root, looked, layout.remotes)


def _forms(layout: Layout, base: Path) -> Iterator[tuple[Reader, dict[str, list[Path]]]]:
    """What reads each form, and the files that it would have in this folder."""
    sides = {"train": layout.train, "test": layout.test}
    python, binary = (
        base / name if (base / name).is_dir() else base for name in (layout.python, layout.binary)
    )
    shards = next(
        (base / name for name in (layout.name, "plain_text", "data") if (base / name).is_dir()), base
    )
    yield _read_pickle, {side: [python / f for f in files] for side, files in sides.items()}
    yield _read_binary, {side: [binary / f"{f}.bin" for f in files] for side, files in sides.items()}
    yield _read_npz, {side: [base / f"{layout.name}_{side}.npz"] for side in sides}
    yield _read_parquet, {side: sorted(shards.glob(f"{side}*.parquet")) for side in sides}


def _checked(layout: Layout, read: Reader, files: Sequence[Path]) -> CifarPart:
    parts = []
    for file in files:
        part = read(layout, file)
        for name, labels in part.labels.items():
            top = layout.classes[name] - 1
            if len(labels) != len(part.images):
                raise damaged(file, f"{len(part.images):,} labels of kind {name}", f"{len(labels):,}")
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) <= top:
                found = f"{int(labels.min())} to {int(labels.max())}"
                raise damaged(file, f"labels of kind {name} from 0 to {top}", found)
        parts.append(part)
    return CifarPart.join(parts)


def _read_pickle(layout: Layout, path: Path) -> CifarPart:
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise damaged(path, "a dictionary", type(content).__name__)
    held = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in content.items()}
    return _named(layout, path, held, 0, "data", "keys")


def _named(
    layout: Layout, path: Path, held: Mapping[str, Any], form: int, images: str, what: str
) -> CifarPart:
    """The part that arrays make by their names in this form (a place in `Layout.keys`)."""
    keys = {name: names[form] for name, names in layout.keys.items()}
    need = [images, *keys.values()]
    if absent := [key for key in need if key not in held]:
        raise damaged(path, f"the {what} {', '.join(need)}", f"no {', '.join(absent)}")
    labels = {name: _labels(path, held[key]) for name, key in keys.items()}
    files = held.get("filenames")
    pixels = _images(path, held[images], flat=form == 0)
    return CifarPart(pixels, labels, None if files is None else [_text(file) for file in files])


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


def _read_binary(layout: Layout, path: Path) -> CifarPart:
    data, record = path.read_bytes(), len(layout.classes) + _PIXELS
    if not data or len(data) % record:
        raise damaged(path, f"records of {record:,} bytes", f"{len(data):,} bytes")
    rows = np.frombuffer(data, np.uint8).reshape(-1, record)
    labels = {name: torch.from_numpy(rows[:, i].astype(np.int64)) for i, name in enumerate(layout.classes)}
    return CifarPart(_images(path, rows[:, len(labels) :], flat=True), labels)


def _read_npz(layout: Layout, path: Path) -> CifarPart:
    return _named(layout, path, read_npz(path), 2, "images", "arrays")


def _read_parquet(layout: Layout, path: Path) -> CifarPart:
    images, labels = read_table([path], {name: keys[1] for name, keys in layout.keys.items()}, SHAPE)
    return CifarPart(images, labels)


def _images(path: Path, values: Any, flat: bool) -> Tensor:
    shape = ("N", _PIXELS) if flat else ("N", 32, 32, 3)
    if not isinstance(values, np.ndarray) or values.dtype != np.uint8 or values.shape[1:] != shape[1:]:
        raise damaged(
            path, f"images, uint8 {shape}", f"{getattr(values, 'dtype', '?')} {getattr(values, 'shape', '?')}"
        )
    images = torch.from_numpy(np.ascontiguousarray(values))
    return images.reshape(-1, *SHAPE) if flat else images.permute(0, 3, 1, 2).contiguous()


def _labels(path: Path, values: Any) -> Tensor:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise damaged(path, "a list of whole numbers as labels", f"{array.dtype} {array.shape}")
    return torch.from_numpy(array.astype(np.int64))
