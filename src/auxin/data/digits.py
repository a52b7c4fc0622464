"""Handwritten digits 8x8, 1,797 images: comes with scikit-learn, so no files are needed."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auxin.data._digits import digit_tasks
from auxin.data.base import Dataset, DataSource


@cache
def _images_and_labels() -> tuple[Tensor, Tensor]:
    """Read once in a process: the file is text."""
    from sklearn.datasets import load_digits  # here, since it takes a second

    bunch: Any = load_digits()
    images = torch.from_numpy(bunch.images).to(torch.uint8).unsqueeze(1)
    return images, torch.from_numpy(bunch.target).to(torch.int64)


class Digits(DataSource):
    """The test part of UCI's Optical Recognition of Handwritten Digits, as scikit-learn ships it.

    Images uint8 [N, 1, 8, 8] with values 0 to 16. There is no official test set and no usual augmentation
    (shifts hurt at 8x8).

    Options:
        target: "digit" (10 classes), or "parity" (odd or even, with the digit as an auxiliary task that
            refines it).

    >>> print(Digits.load(None))
    digits: 1,797 rows of 1x8x8, main task digit (10), auxiliary tasks: none
    """

    @classmethod
    def load(cls, root: Path | None = None, *, target: str = "digit") -> Dataset:
        """Load it; `root` is not used."""
        del root
        images, labels = (part.clone() for part in _images_and_labels())
        return Dataset(
            name="digits",
            x=images,
            official_test=torch.zeros(len(images), dtype=torch.bool),
            source="scikit-learn's load_digits",
            licence="CC BY 4.0",
            **digit_tasks(labels, target),
        )
