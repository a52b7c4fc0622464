"""A user's own images: a folder with one folder of images per class."""

from pathlib import Path
from typing import Any, ClassVar

import torch

from auxin.data._base import Dataset, DataSource
from auxin.data.encoders.images import ImageFiles
from auxin.data.reading.images import below, read_images
from auxin.errors import ConfigError, DataError, message
from auxin.tasks.classes import Classes
from auxin.typing import MISSING


class Images(DataSource):
    """A folder whose folders are the classes, each with its images, at any depth below.

    A folder that holds nothing but folders called `train` and `test`, each with the classes' folders, has an
    official test set. Images are brought to one size and one number of channels; the task is called `class`.

    Options:
        size: The side in pixels that every image is brought to; where not given, their own if they all have
            the same, else 64.
        unlabelled: A folder of further images, without a main label: they train the auxiliaries only.
    """

    options: ClassVar[tuple[str, ...]] = ("size", "unlabelled")
    suffixes: ClassVar[tuple[str, ...]] = ("/",)

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        size: int | None = None,
        unlabelled: str | Path | None = None,
        **options: Any,
    ) -> Dataset:
        """Read the images below `root`."""
        del options
        if root is None:
            raise ConfigError(message("The folder of images is not given", expected="--root DIR"))
        sides = _sides(root)
        found = [(path, name, test) for test, base in sides for path, name in _labelled(base)]
        names = sorted({name for _, name, _ in found})
        if len(names) < 2:
            raise DataError(
                message(
                    f"{root} does not hold the images of several classes",
                    expected="at least two folders of images, one per class",
                    found=", ".join(names) or "no folder with images",
                )
            )
        more = below(Path(unlabelled)) if unlabelled is not None else []
        x, resized, notes = read_images([*(path for path, _, _ in found), *more], size)
        labels = [names.index(name) for _, name, _ in found] + [MISSING] * len(more)
        return Dataset(
            name=root.resolve().name,
            x=x,
            tasks={"class": Classes("class", len(names), label_names=names)},
            y={"class": torch.tensor(labels)},
            main="class",
            official_test=torch.tensor([test for _, _, test in found] + [False] * len(more)),
            source=str(root),
            augmentation="crop_flip",
            encoder=ImageFiles(tuple(x.shape[1:]), resized),
            notes=tuple(notes),
        )


def _sides(root: Path) -> list[tuple[bool, Path]]:
    """The folders that hold the classes' folders, and whether each is the test set."""
    if not root.is_dir():
        raise DataError(message(f"There is no folder {root}", do="Correct the path"))
    names = {path.name for path in root.iterdir() if path.is_dir()}
    return [(False, root / "train"), (True, root / "test")] if names == {"train", "test"} else [(False, root)]


def _labelled(base: Path) -> list[tuple[Path, str]]:
    folders = sorted(path for path in base.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [(path, folder.name) for folder in folders for path in below(folder)]
