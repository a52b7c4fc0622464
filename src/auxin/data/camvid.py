"""CamVid: street scenes with eleven classes of things for every pixel, read from three .npz files."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.npz import read_npz
from auxin.data.reading.published import place
from auxin.tasks.base import Task
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.typing import MISSING

_IGNORED = 11


class Camvid(DataSource):
    """CamVid (Brostow, Fauqueur, Cipolla 2009), 367 training, 101 validation and 233 test frames, eleven classes.

    Files: `camvid_train.npz`, `camvid_val.npz` and `camvid_test.npz`, each with `images` uint8 [N, H, W, 3] and
    `labels` [N, H, W], 11 where there is none. The validation frames train. Two auxiliary tasks are made from the
    images themselves, edges and smoothed colour; they stand in for NYUv2's depth and normals.

    Options:
        made: Whether the two auxiliary tasks are made; yes where not given.
    """

    where: ClassVar[str] = (
        "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/ (and save the frames as the arrays named above)"
    )

    @classmethod
    def load(cls, root: Path | None, *, made: bool = True) -> Dataset:
        """Read the three files."""
        names = [f"camvid_{side}.npz" for side in ("train", "val", "test")]
        folder = place("camvid", root, names, where=cls.where)
        parts = [read_npz(folder / name) for name in names]
        x = (
            torch.from_numpy(np.concatenate([part["images"] for part in parts]))
            .permute(0, 3, 1, 2)
            .contiguous()
        )
        labels = torch.from_numpy(np.concatenate([part["labels"] for part in parts]).astype(np.int64))
        labels[labels == _IGNORED] = MISSING
        tasks: dict[str, Task] = {"segmentation": DenseClasses("segmentation", 11)}
        y = {"segmentation": labels}
        if made:
            y |= {"edges": edges(x), "colour": smoothed(x)}
            tasks |= {name: DenseRegression.fit(name, y[name]) for name in ("edges", "colour")}
        tested = torch.arange(len(x)) >= len(x) - len(parts[2]["images"])
        return Dataset(
            name="camvid",
            x=x,
            tasks=tasks,
            y=y,
            main="segmentation",
            official_test=tested,
            source=str(folder),
            licence="CC BY-NC 4.0",
            notes=("The tasks edges and colour are made from the images.",) if made else (),
        )


def edges(x: Tensor) -> Tensor:
    """The length of the brightness's gradient by Sobel's filters, [N, H, W]."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    bright = torch.nn.functional.pad(x.float().mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.conv2d(bright, torch.stack([kernel, kernel.T]).unsqueeze(1)).norm(dim=1)


def smoothed(x: Tensor, radius: int = 4) -> Tensor:
    """The colours' means over squares of side 2 radius + 1, [N, 3, H, W]."""
    padded = torch.nn.functional.pad(x.float(), (radius,) * 4, mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 2 * radius + 1, stride=1)
