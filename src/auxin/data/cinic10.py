"""CINIC-10: CIFAR-10's classes with images of ImageNet beside them, 32x32, from the publisher's folders."""

from pathlib import Path

import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.images import below
from auxin.data.reading.published import place, squares
from auxin.errors import DataError
from auxin.tasks.classes import Classes

_REMOTES = (
    RemoteFile(
        "https://datashare.ed.ac.uk/bitstream/handle/10283/3192/CINIC-10.tar.gz",
        "md5:6ee4d0c996905fe93221de577967a372",
        687544992,
    ),
)


class Cinic10(DataSource):
    """CINIC-10 (Darlow et al. 2018), 90,000 training, 90,000 validation and 90,000 test images, uint8 [N, 3, 32, 32].

    Files: `train/CLASS/*.png`, `valid/CLASS/*.png`, `test/CLASS/*.png`, as the README of the authors' repository
    (BayesWatch/cinic-10) lists them. The address is that of the authors' record (DOI 10.7488/ds/2448); the publisher
    states no sum, so the MD5 sum is the one that public loaders of this archive share.

    Options:
        valid: Whether the publisher's validation images train too, as its authors suggest; yes where not given.
        download: fetch the archive first (688 MB).
    """

    @classmethod
    def load(cls, root: Path | None, *, valid: bool = True, download: bool = False) -> Dataset:
        """Read the images."""
        folder = place("cinic10", root, ("train", "test"), _REMOTES, download)
        names = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir())
        if len(names) < 2:
            wrong = f"{folder / 'train'} does not hold a folder per class"
            raise DataError(wrong, found=", ".join(names) or "no folder")
        if valid and not (folder / "valid").is_dir():
            raise DataError(
                f"{folder} holds no folder valid, whose images train too",
                expected="train, valid and test",
                do="Unpack the whole archive, or leave these images out by valid=False",
            )
        paths, labels, test = [], [], []
        for side in ("train", *(["valid"] if valid else []), "test"):
            for number, name in enumerate(names):
                own = below(folder / side / name)
                paths += own
                labels += [number] * len(own)
                test += [side == "test"] * len(own)
        return Dataset(
            name="cinic10",
            x=squares(paths, 32),
            tasks={"object": Classes("object", len(names), label_names=names)},
            y={"object": torch.tensor(labels)},
            main="object",
            official_test=torch.tensor(test),
            source=str(folder),
            licence="CC BY 4.0 (as users of the publisher's record cite it)",
            augmentation="crop_flip",
        )
