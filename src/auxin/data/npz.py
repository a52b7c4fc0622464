"""A user's own arrays in one `.npz` file: images or vectors, a target, and any auxiliary targets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from auxin.data._base import Dataset, Source
from auxin.data._encoder import Arrays, input_name
from auxin.data._npz import read_npz
from auxin.data._targets import listed, pick, refinements, task_of
from auxin.errors import ConfigError, DataError, message


class Npz(Source):
    """Any `.npz` file of plain arrays (nothing in it is run).

    Inputs: images [N, H, W], [N, H, W, C] or [N, C, H, W] with C at most 4 (the last axis is taken as
    channels where both could be), uint8 or float; or vectors [N, D] of any numbers.

    Targets [N]: whole numbers, booleans or text are classes, numbered in their sorted order; fractional
    numbers are regression; -1, NaN and empty text are missing. An auxiliary task of classes that each lie in
    one main class refines the main task.

    Options:
        target: the array of the main task; "y" where not given.
        aux: the arrays of the auxiliary tasks, a list or separated by commas.
        inputs: the array of the inputs; else the one called x, X, images, inputs or data.
        test: an array of booleans [N] that marks the official test rows, if there is one.
    """

    options: ClassVar[tuple[str, ...]] = ("target", "aux", "inputs", "test")
    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        target: str = "y",
        aux: str | Sequence[str] = (),
        inputs: str | None = None,
        test: str | None = None,
        **options: Any,
    ) -> Dataset:
        """Read the file `root`."""
        del options
        if root is None:
            raise ConfigError(
                message("Which .npz file is to be read", expected="--root FILE.npz, or its path")
            )
        arrays = read_npz(root)
        x = _inputs(root, arrays, inputs)
        chosen = {name: pick(str(root), arrays, name) for name in listed(target, aux)}
        tasks, y = {}, {}
        for name, values in chosen.items():
            tasks[name], y[name] = task_of(str(root), name, values, len(x))
        return Dataset(
            name=root.stem,
            x=x,
            tasks=tasks,
            y=y,
            main=target,
            official_test=_test_rows(root, arrays, test, len(x)),
            parents=refinements(tasks, y, target),
            source=root.name,
            encoder=Arrays.like(x, inputs),
        )


def _inputs(path: Path, arrays: dict[str, np.ndarray], name: str | None) -> Tensor:
    """The inputs as a data set holds them."""
    name = name or input_name(path, arrays)
    values = pick(str(path), arrays, name)
    if values.dtype.kind not in "biuf" or values.ndim not in (2, 3, 4):
        raise DataError(
            message(
                f"The inputs {name!r} of {path} are not usable",
                expected="numbers: images [N, H, W] or [N, H, W, C], or vectors [N, D]",
                found=f"{values.dtype} {list(values.shape)}",
            )
        )
    if values.ndim == 2 or values.dtype != np.uint8:
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, which a data set refuses
            values = values.astype(np.float32)
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor if tensor.dim() == 2 else _channels_first(path, tensor)


def _channels_first(path: Path, images: Tensor) -> Tensor:
    if images.dim() == 3:
        return images.unsqueeze(1)
    if images.shape[3] <= 4:
        return images.permute(0, 3, 1, 2).contiguous()
    if images.shape[1] <= 4:
        return images
    raise DataError(
        message(
            f"Which axis of the images of {path} holds the colours is not clear",
            expected="[N, H, W, C] or [N, C, H, W] with C at most 4",
            found=f"shape {list(images.shape)}",
        )
    )


def _test_rows(path: Path, arrays: dict[str, np.ndarray], name: str | None, rows: int) -> Tensor:
    if name is None:
        return torch.zeros(rows, dtype=torch.bool)
    values = pick(str(path), arrays, name)
    if values.shape != (rows,) or values.dtype.kind not in "biu" or not np.isin(values, (0, 1)).all():
        raise DataError(
            message(
                f"The array {name!r} of {path} does not mark test rows",
                expected=f"{rows} booleans",
                found=f"{values.dtype} {list(values.shape)}",
            )
        )
    return torch.from_numpy(values.astype(bool))
