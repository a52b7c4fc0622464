"""STL-10: ten kinds of object, 96x96 colour images, few labelled and many unlabelled, from the binary files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged, readable
from auxin.data.reading.published import lines, place, sides
from auxin.errors import ConfigError
from auxin.tasks.classes import Classes
from auxin.typing import MISSING

_REMOTES = (
    RemoteFile(
        "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
        "md5:91f7769df0f17e558f3565bffb0c7dfb",
        2640397119,
    ),
)
_SIDE = 96


class Stl10(DataSource):
    """STL-10 (Coates, Ng, Lee 2011), 5,000 training and 8,000 test images, uint8 [N, 3, 96, 96].

    Files: `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`, `class_names.txt`, and for `unlabelled`
    `unlabeled_X.bin` (100,000 images, 2.8 GB in memory); the pixels are stored column by column, labels from 1.

    The address, the MD5 sum, the file names and the order of the pixels are those of torchvision's `datasets/stl10.py`;
    the archive's size is the one that public notebooks print while they download it.

    Options:
        size: The side that images are brought to, a divisor of 96 (block means); 96 where not given.
        unlabelled: How many of the unlabelled images take part, as rows without a main label; 0 where not given.
        download: fetch the archive first (2.6 GB).
    """

    @classmethod
    def load(
        cls, root: Path | None, *, size: int = _SIDE, unlabelled: int = 0, download: bool = False
    ) -> Dataset:
        """Read the binary files."""
        if _SIDE % size:
            raise ConfigError("The size is not usable", expected="a divisor of 96", found=repr(size))
        folder = place(
            "stl10", root, ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"), _REMOTES, download
        )
        parts = [_images(folder / f"{side}_X.bin", size) for side in ("train", "test")]
        y = [
            _labels(folder / f"{side}_y.bin", len(x))
            for side, x in zip(("train", "test"), parts, strict=True)
        ]
        test = sides(len(parts[0]), len(parts[1]))
        if unlabelled:
            parts.append(_images(folder / "unlabeled_X.bin", size, unlabelled))
            y.append(torch.full((len(parts[2]),), MISSING))
            test = torch.cat([test, torch.zeros(len(parts[2]), dtype=torch.bool)])
        names = lines(folder / "class_names.txt") if (folder / "class_names.txt").is_file() else None
        return Dataset(
            name="stl10",
            x=torch.cat(parts),
            tasks={"object": Classes("object", 10, label_names=names)},
            y={"object": torch.cat(y)},
            main="object",
            official_test=test,
            source=str(folder),
            licence="none stated (images of ImageNet; research use)",
            augmentation="crop_flip",
        )


def _images(file: Path, size: int, most: int = -1) -> Tensor:
    with readable(file, "a file of images", OSError):
        found = np.fromfile(file, np.uint8, -1 if most < 0 else most * 3 * _SIDE * _SIDE)
    if len(found) == 0 or len(found) % (3 * _SIDE * _SIDE):
        raise damaged(file, f"whole images of {3 * _SIDE * _SIDE:,} bytes", f"{len(found):,} bytes")
    x = torch.from_numpy(found).view(-1, 3, _SIDE, _SIDE).transpose(2, 3)
    if size == _SIDE:
        return x.contiguous()
    return torch.nn.functional.avg_pool2d(x.float(), _SIDE // size).round().to(torch.uint8)


def _labels(file: Path, rows: int) -> Tensor:
    with readable(file, "a file of labels", OSError):
        found = np.fromfile(file, np.uint8).astype(np.int64) - 1
    if len(found) != rows or found.min() < 0 or found.max() > 9:
        raise damaged(file, f"{rows:,} labels from 1 to 10", f"{len(found):,} labels")
    return torch.from_numpy(found)
