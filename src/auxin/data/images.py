"""A user's own images: a folder with one folder of images per class."""

from pathlib import Path
from typing import ClassVar

import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.encoders.images import ImageFiles
from auxin.data.reading.images import ENDINGS, below, hidden, limited, read_images
from auxin.data.targets.columns import kinds_note
from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes
from auxin.typing import MISSING


class Images(DataSource):
    """A folder whose folders are the classes, each with its images, at any depth below.

    Where folders called `train` and `test` (or `val`, `valid`, `validation`) each hold the classes' folders, they are
    the parts of a published split: the images of `test` are the official test set, and those of a validation folder
    train, or test where there is no `test`. Hidden files are left out. Images are brought to one size and one number
    of channels; the task is called `class`.

    Options:
        size: The side in pixels that every image is brought to; where not given, their own if they all have
            the same, else 64.
        max_pixels: An image of more pixels is refused; 100 million where not given. Saved models keep it.
        unlabelled: A folder of further images, without a main label: they train the auxiliaries only.
    """

    suffixes: ClassVar[tuple[str, ...]] = ("/",)

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        size: int | None = None,
        max_pixels: int | None = None,
        unlabelled: str | Path | None = None,
    ) -> Dataset:
        """Read the images below `root`."""
        if root is None:
            raise ConfigError("The folder of images is not given", expected="--root DIR")
        sides, said = _sides(root)
        found = [(path, name, test) for test, base in sides for path, name in _labelled(base)]
        names = sorted({name for _, name, _ in found})
        if len(names) < 2:
            raise DataError(
                f"{root} does not hold the images of several classes",
                expected="at least two folders of images, one per class",
                found=", ".join(names) or "no folder with images",
            )
        more = below(Path(unlabelled)) if unlabelled is not None else []
        with limited(max_pixels):
            x, resized, notes = read_images([*(path for path, _, _ in found), *more], size)
        task = Classes("class", len(names), label_names=names)
        labels = [names.index(name) for _, name, _ in found] + [MISSING] * len(more)
        return Dataset(
            name=root.resolve().name,
            x=x,
            tasks={"class": task},
            y={"class": torch.tensor(labels)},
            main="class",
            official_test=torch.tensor([test for _, _, test in found] + [False] * len(more)),
            source=str(root),
            augmentation="crop_flip",
            encoder=ImageFiles(tuple(x.shape[1:]), resized, max_pixels=max_pixels),
            notes=(kinds_note({"class": task}, ["class"]), *said, *notes),
        )


VALIDATION = ("val", "valid", "validation")


def _sides(root: Path) -> tuple[list[tuple[bool, Path]], list[str]]:
    """The folders that hold the classes' folders, whether each is the test set, and sentences about that."""
    if not root.is_dir():
        raise DataError(f"There is no folder {root}", do="Correct the path")
    names = {path.name for path in root.iterdir() if path.is_dir() and not hidden(path.name)}
    loose = [path for path in root.iterdir() if path.suffix.lower() in ENDINGS and not hidden(path.name)]
    said = [f"{len(loose):,} images beside the classes' folders are left out."] if loose else []
    if not ("train" in names and len(names) > 1 and names <= {"train", "test", *VALIDATION}):
        return [(False, root)], said
    tests = ["test"] if "test" in names else sorted(names - {"train"})
    trains = sorted(names - {*tests})
    said.append(f"Published split: the folder {' and '.join(trains)} trains, {' and '.join(tests)} tests.")
    return [*((False, root / name) for name in trains), *((True, root / name) for name in tests)], said


def _labelled(base: Path) -> list[tuple[Path, str]]:
    folders = sorted(path for path in base.iterdir() if path.is_dir() and not hidden(path.name))
    return [(path, folder.name) for folder in folders for path in below(folder)]
