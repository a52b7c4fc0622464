"""Data sets in the four files of MNIST: images and labels, for training and for testing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged, first, missing
from auxin.data.reading.idx import read_idx
from auxin.errors import DataError

_FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
_PARTS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}


def remotes(at: str, *files: tuple[str, int]) -> list[RemoteFile]:
    """The four files at an address, by their SHA-256 and sizes: training images and labels, test images and labels."""
    return [RemoteFile(f"{at}{name}-ubyte.gz", *file) for name, file in zip(_FILES, files, strict=True)]


def read_four(
    name: str, root: Path, train: Sequence[str], remotes: Sequence[RemoteFile]
) -> tuple[Tensor, Tensor, Tensor, str]:
    """Images uint8 [N, 1, H, W], labels int64 [N], which rows are test rows, and which files they are from.

    Args:
        name: The data set's name, also of a folder in `root` that may hold the files.
        root: Where to look.
        train: How the training files' names may begin; the first that is there is read.
        remotes: Where the files can be had, for the error.

    Raises:
        DataError: A file is missing or damaged, or images and labels differ in number.
    """
    folders = (root, root / name, root / name / "raw")
    files = {side: _pair(folders, begin) for side, begin in (("train", train), ("test", ["t10k"]))}
    looked = [
        " and ".join(f"{side}-{part}[.gz]" for side in (begin, "t10k") for part in _PARTS.values())
        for begin in train
    ]
    if any(pair is None for pair in files.values()):
        raise missing(name, root, looked, remotes)
    sides = {side: _read(pair) for side, pair in files.items() if pair}
    images = torch.cat([sides["train"][0], sides["test"][0]]).unsqueeze(1)
    labels = torch.cat([sides["train"][1], sides["test"][1]])
    test = torch.arange(len(images)) >= len(sides["train"][0])
    source = ", ".join(path.name for pair in files.values() if pair for path in pair.values())
    return images, labels, test, source


def _pair(folders: Sequence[Path], begins: Sequence[str]) -> Mapping[str, Path] | None:
    for begin in begins:
        found = {k: first(folders, f"{begin}-{v}.gz", f"{begin}-{v}") for k, v in _PARTS.items()}
        pair = {kind: path for kind, path in found.items() if path}
        if len(pair) == len(_PARTS):
            return pair
    return None


def _read(pair: Mapping[str, Path]) -> tuple[Tensor, Tensor]:
    images, labels = read_idx(pair["images"], 3), read_idx(pair["labels"], 1).long()
    if len(images) != len(labels):
        raise DataError(
            f"{pair['images']} and {pair['labels'].name} do not belong together",
            expected="one label per image",
            found=f"{len(images):,} images, {len(labels):,} labels",
        )
    if len(labels) and int(labels.max()) > 9:
        raise damaged(pair["labels"], "labels 0 to 9", int(labels.max()))
    return images, labels
