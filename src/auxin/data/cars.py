"""Stanford Cars: 196 makes and models."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.files import damaged
from auxin.data.reading.published import matlab, place, sides, squares
from auxin.tasks.classes import Classes


class Cars(DataSource):
    """Stanford Cars (Krause et al. 2013), 8,144 training and 8,041 test images.

    Files: `devkit/cars_train_annos.mat`, `cars_test_annos_withlabels.mat`, and the images in `cars_train/` and
    `cars_test/`, the layout of torchvision's `datasets/stanford_cars.py`. The owner's links no longer answer, as
    torchvision's documentation states, so the files are to be fetched by hand.

    Options:
        size: The side that images are brought to; 224 where not given.
    """

    where: ClassVar[str] = "https://ai.stanford.edu/~jkrause/cars/car_dataset.html, or a copy of it"

    @classmethod
    def load(cls, root: Path | None, *, size: int = 224) -> Dataset:
        """Read images and classes."""
        holds = ("devkit/cars_train_annos.mat", "cars_test_annos_withlabels.mat", "cars_train", "cars_test")
        folder = place("cars", root, holds, where=cls.where)
        train, test = (_annotations(folder / holds[k]) for k in (0, 1))
        labels = torch.tensor([label for _, label in [*train, *test]])
        paths = [folder / "cars_train" / name for name, _ in train]
        paths += [folder / "cars_test" / name for name, _ in test]
        return Dataset(
            name="cars",
            x=squares(paths, size),
            tasks={"model": Classes("model", int(labels.max()) + 1)},
            y={"model": labels},
            main="model",
            official_test=sides(len(train), len(test)),
            source=str(folder),
            licence="research use",
            augmentation="crop_flip",
        )


def _annotations(file: Path) -> list[tuple[str, int]]:
    """File names and classes from 0."""
    found = np.atleast_1d(matlab(file).get("annotations", np.empty(0)))
    if found.dtype.names is None or not {"fname", "class"} <= set(found.dtype.names):
        raise damaged(file, "annotations with fname and class", "none")
    return [(str(row["fname"]), int(row["class"]) - 1) for row in found]
