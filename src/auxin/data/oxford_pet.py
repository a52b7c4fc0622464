"""Oxford-IIIT Pet: 37 breeds of cats and dogs, with the species as an auxiliary task."""

from pathlib import Path

import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged
from auxin.data.reading.published import lines, place, sides, squares
from auxin.tasks.classes import Classes

_AT = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
_REMOTES = (
    RemoteFile(_AT + "images.tar.gz", "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c", 791918971),
    RemoteFile(_AT + "annotations.tar.gz", "md5:95a8c909bbe2e81eed6a22bccdf3f68f", 19173078),
)


class OxfordPet(DataSource):
    """Oxford-IIIT Pet (Parkhi et al. 2012), 3,680 training and 3,669 test images.

    Files: `annotations/{trainval,test}.txt` (name, breed from 1, species from 1) and `images/NAME.jpg`.

    Addresses, MD5 sums and the form of the lists are those of torchvision's `datasets/oxford_iiit_pet.py`.

    Options:
        size: The side that images are brought to; 224 where not given.
        download: fetch the archives first (811 MB).
    """

    @classmethod
    def load(cls, root: Path | None, *, size: int = 224, download: bool = False) -> Dataset:
        """Read images and breeds."""
        holds = ("annotations/trainval.txt", "annotations/test.txt", "images")
        folder = place("oxford_pet", root, holds, _REMOTES, download)
        listed = [_listed(folder / "annotations" / f"{side}.txt") for side in ("trainval", "test")]
        rows = [row for side in listed for row in side]
        breed = torch.tensor([b - 1 for _, b, _ in rows])
        return Dataset(
            name="oxford_pet",
            x=squares([folder / "images" / f"{name}.jpg" for name, _, _ in rows], size),
            tasks={"breed": Classes("breed", int(breed.max()) + 1), "species": Classes("species", 2)},
            y={"breed": breed, "species": torch.tensor([s - 1 for _, _, s in rows])},
            main="breed",
            official_test=sides(*map(len, listed)),
            source=str(folder),
            licence="CC BY-SA 4.0",
            augmentation="crop_flip",
        )


def _listed(file: Path) -> list[tuple[str, int, int]]:
    found = [line.split() for line in lines(file) if not line.startswith("#")]
    if any(len(words) < 3 or not words[1].isdigit() or not words[2].isdigit() for words in found):
        raise damaged(file, "a name, a breed and a species in each line", "a line of another form")
    return [(words[0], int(words[1]), int(words[2])) for words in found]
