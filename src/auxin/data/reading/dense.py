"""Scenes with labels for every pixel, in one `.npy` file per image and task, `train/` and `val/`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.data.base import Dataset
from auxin.data.reading.published import array, place, sides
from auxin.errors import DataError
from auxin.tasks.base import Task
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression

Folders = Mapping[str, tuple[str, int]]
"""By task: the folder of its arrays, and its classes or numbers."""


def two_sides(
    name: str, root: Path | None, where: str, labels: Folders, numbers: Folders, shrink: int, licence: str
) -> Dataset:
    """Read both sides; the publisher's `val` tests. The first task of classes is the main one.

    Pixels without depth (0) have neither depth nor normal; standardisation is that of the labelled training pixels.

    Raises:
        DataError: files are missing, or their shapes do not fit.
    """
    holds = [f"{side}/image" for side in ("train", "val")]
    folder = place(name, root, holds, where=where)
    parts = {
        side: _read(folder / side, {t: f for t, (f, _) in {**labels, **numbers}.items()}, shrink)
        for side in ("train", "val")
    }
    both = {what: torch.cat([parts["train"][what], parts["val"][what]]) for what in parts["train"]}
    empty = (both["depth"] == 0).squeeze(1) if "depth" in both else None
    tasks: dict[str, Task] = {task: DenseClasses(task, n) for task, (_, n) in labels.items()}
    for task, (_, width) in numbers.items():
        target = both[task].squeeze(1) if width == 1 else both[task]
        if empty is not None:
            hidden = empty if width == 1 else empty.unsqueeze(1).expand_as(target)
            target = target.masked_fill(hidden, float("nan"))
        both[task] = target
        tasks[task] = DenseRegression.fit(task, target[: len(parts["train"]["x"])])
    x = both.pop("x")
    return Dataset(
        name=name,
        x=x,
        tasks=tasks,
        y=both,
        main=next(iter(labels)),
        official_test=sides(len(parts["train"]["x"]), len(parts["val"]["x"])),
        source=str(folder),
        licence=licence,
    )


def _read(folder: Path, tasks: Mapping[str, str], shrink: int) -> dict[str, Tensor]:
    count = len(list((folder / "image").glob("*.npy")))
    if not count:
        raise DataError(f"There are no images in {folder / 'image'}", expected="0.npy, 1.npy ...")
    found = {"x": _stack(folder / "image", count, shrink).float()}
    for task, name in tasks.items():
        own = _stack(folder / name, count, shrink)
        found[task] = own.long() if own.dim() == 3 else own.float()
    return found


def _stack(folder: Path, count: int, shrink: int) -> Tensor:
    """The arrays of a folder, [N, H, W] or [N, C, H, W]."""
    rows = [np.asarray(array(folder / f"{i}.npy"))[::shrink, ::shrink] for i in range(count)]
    if len({row.shape for row in rows}) > 1:
        raise DataError(f"The arrays of {folder} differ in shape", expected="one shape")
    found = torch.from_numpy(np.stack(rows))
    return found.movedim(-1, 1).contiguous() if found.dim() == 4 else found
