"""House numbers 32x32 (SVHN), cropped digits in colour, from the publisher's MATLAB files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.data._digits import digit_tasks
from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged
from auxin.data.reading.published import matlab, place, sides

_AT = "http://ufldl.stanford.edu/housenumbers/"
_REMOTES = (
    RemoteFile(_AT + "train_32x32.mat", "md5:e26dedcc434d2e4c54c9b2d4a06d8373", 182040794),
    RemoteFile(_AT + "test_32x32.mat", "md5:eb5a983be6a315427106f1b164d9cef3", 64275384),
)


class Svhn(DataSource):
    """SVHN (Netzer et al. 2011), 73,257 training and 26,032 test images, uint8 [N, 3, 32, 32].

    Files: `train_32x32.mat` and `test_32x32.mat` (format 2, cropped digits). The publisher writes 10 for the digit
    zero; here it is 0. The `extra` images are not read: neither paper trains on them.

    Addresses and MD5 sums are those of torchvision's `datasets/svhn.py`; the sizes are those that public loaders check.

    Options:
        target: "digit" (10 classes), or "parity" with the digit as an auxiliary task that refines it.
        download: fetch the files first (246 MB).
    """

    @classmethod
    def load(cls, root: Path | None, *, target: str = "digit", download: bool = False) -> Dataset:
        """Read the two files."""
        names = ("train_32x32.mat", "test_32x32.mat")
        folder = place("svhn", root, names, _REMOTES, download)
        train, test = (_part(folder / name) for name in names)
        return Dataset(
            name="svhn",
            x=torch.cat([train[0], test[0]]),
            official_test=sides(len(train[0]), len(test[0])),
            source=str(folder),
            licence="for non-commercial use only",
            augmentation="crop",
            **digit_tasks(torch.cat([train[1], test[1]]), target),
        )


def _part(file: Path) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, 3, 32, 32] and digits int64 [N]."""
    found = matlab(file)
    x, y = np.asarray(found.get("X")), np.asarray(found.get("y")).reshape(-1)
    if x.ndim != 4 or x.shape[:3] != (32, 32, 3) or x.shape[3] != len(y):
        raise damaged(file, "X of shape 32 x 32 x 3 x N and y of N labels", f"{x.shape} and {y.shape}")
    return torch.from_numpy(x.transpose(3, 2, 0, 1).copy()), torch.from_numpy(y.astype(np.int64) % 10)
