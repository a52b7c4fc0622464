"""CUB-200-2011: 200 kinds of bird, with 312 visual attributes as auxiliary tasks."""

from collections.abc import Iterable
from pathlib import Path

import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged
from auxin.data.reading.published import lines, place, squares
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel

_REMOTES = (
    RemoteFile(
        "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz",
        "md5:97eceeb196236b17998738112f37df78",
        1150585339,
    ),
)


class Cub(DataSource):
    """Caltech-UCSD Birds 200 (Wah et al. 2011), 5,994 training and 5,794 test images.

    Files, as the archive unpacks: `images.txt`, `image_class_labels.txt`, `train_test_split.txt`, `classes.txt`,
    `images/`, and `attributes/image_attribute_labels.txt`. The address is that of CaltechDATA's record 65de6-vp158; the
    MD5 sum and the size are those that public loaders of this archive share (torchvision has no loader of it).

    Options:
        attributes: "one" (a single auxiliary task of all attributes), "each" (a task per attribute, as AuxiLearn
            weighs them), or "none".
        size: The side that images are brought to; 256 where not given, as in AuxiLearn's appendix B.1.
        download: fetch the archive first (1.2 GB).
    """

    @classmethod
    def load(
        cls, root: Path | None, *, attributes: str = "one", size: int = 256, download: bool = False
    ) -> Dataset:
        """Read images, classes and attributes."""
        holds = ("images.txt", "image_class_labels.txt", "train_test_split.txt", "images")
        folder = place("cub", root, holds, _REMOTES, download)
        files = _column(folder / "images.txt")
        rows = {number: row for row, number in enumerate(files)}
        classes = _numbers(folder / "image_class_labels.txt", files)
        split = _numbers(folder / "train_test_split.txt", files)
        birds = torch.tensor([number - 1 for number in classes])
        tasks: dict[str, Task] = {"bird": Classes("bird", int(birds.max()) + 1)}
        y = {"bird": birds}
        if attributes != "none":
            seen = _attributes(folder / "attributes" / "image_attribute_labels.txt", rows)
            names = [f"attribute{k + 1}" for k in range(seen.shape[1])]
            if attributes == "each":
                tasks |= {name: Multilabel(name, 1) for name in names}
                y |= {name: seen[:, k : k + 1] for k, name in enumerate(names)}
            else:
                tasks["attributes"], y["attributes"] = Multilabel("attributes", seen.shape[1]), seen
        return Dataset(
            name="cub",
            x=squares([folder / "images" / path for path in files.values()], size),
            tasks=tasks,
            y=y,
            main="bird",
            official_test=torch.tensor([side == 0 for side in split]),
            source=str(folder),
            licence="the images' owners'; non-commercial research and education",
            augmentation="crop_flip",
        )


def _column(file: Path) -> dict[str, str]:
    """The second word of each line by its first."""
    pairs = [line.split(maxsplit=1) for line in lines(file)]
    if any(len(pair) != 2 for pair in pairs):
        raise damaged(file, "a number and a value in each line", "a line of another form")
    return {number: value.strip() for number, value in pairs}


def _numbers(file: Path, images: Iterable[str]) -> list[int]:
    """The number of each of these images."""
    found = _column(file)
    try:
        return [int(found[image]) for image in images]
    except (KeyError, ValueError) as error:
        raise damaged(file, "a number for every image of images.txt", f"none for image {error}") from error


def _attributes(file: Path, rows: dict[str, int]) -> torch.Tensor:
    """Which attributes each image shows, int64 [N, A]; -1 where no annotator was asked."""
    told = [line.split()[:3] for line in lines(file)]
    form = "an image of images.txt, an attribute and 0 or 1 in each line"
    try:
        numbers = [(rows[image], int(attribute), int(present)) for image, attribute, present in told]
        found = torch.full((len(rows), max(attribute for _, attribute, _ in numbers)), -1)
    except (KeyError, ValueError) as error:
        raise damaged(file, form, "a line of another form") from error
    for row, attribute, present in numbers:
        found[row, attribute - 1] = present
    return found
