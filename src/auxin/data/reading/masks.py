"""Mask files as dense targets: a class or a number for every pixel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auxin.data.reading.files import damaged, readable
from auxin.data.reading.images import DAMAGE, Picture, called, opened, upright
from auxin.data.targets.specs import TargetSpec
from auxin.errors import DataError
from auxin.tasks.base import Task
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.typing import MISSING

MOST = 256
"""A mask of more different values than this is not one of classes."""
IGNORE = 255
"""The value that stands for no label where nothing else is said, unless 0 and 255 are all there is."""
Size = tuple[int, int]


def dense_target(
    spec: TargetSpec, paths: Sequence[Picture | None], sizes: Sequence[Size], side: Size
) -> tuple[Task, Tensor, list[str]]:
    """The task that mask files make, its targets [N, H, W], and what was decided.

    Classes are the values of a mask in order: palette indices, grey levels, or colours. Masks are brought to
    the images' size without mixing neighbours.

    Args:
        spec: The target; its kind says whether the values are classes or numbers.
        paths: One per row, None where the row has none.
        sizes: The images' own sizes, (width, height), which the masks must have.
        side: The size that all images are brought to.

    Raises:
        DataError: A file is missing or no image, or its size is not the image's; too many or too few values.
    """
    numbers = spec.kind == "dense_regression"
    masks = _all_values(paths, sizes, side, numbers)
    known = [mask for mask in masks if mask is not None]
    if not known:
        raise DataError(f"The target {spec.name!r} has no values", found="every cell empty")
    if numbers:
        blank = np.full((side[1], side[0]), np.nan, np.float32)
        y = torch.from_numpy(np.stack([blank if mask is None else mask for mask in masks]).astype(np.float32))
        if spec.missing is not None:
            y = y.masked_fill(y == float(spec.missing), torch.nan)
        return DenseRegression(spec.name, 1), y, []
    return dense_classes(spec, masks, side)


def dense_classes(
    spec: TargetSpec, masks: Sequence[np.ndarray | None], side: Size
) -> tuple[Task, Tensor, list[str]]:
    """The task of masks' values [H, W], -1 where a pixel has no label, and its targets [N, H, W]."""
    found = np.unique(np.concatenate([np.unique(mask) for mask in masks if mask is not None]))
    found = found[found != MISSING]
    ignored, notes = _ignored(spec, found)
    values = found[found != ignored] if ignored is not None else found
    if not 2 <= len(values) <= MOST:
        raise DataError(
            f"The masks of {spec.name!r} are not usable",
            expected=f"2 to {MOST} different values (palette indices, grey levels or colours)",
            found=f"{len(values):,}",
            do="Save masks as PNG (JPEG blurs them); numbers are --kind NAME=dense_regression",
        )
    y = np.full((len(masks), side[1], side[0]), MISSING, np.int64)
    for row, mask in enumerate(masks):
        if mask is not None:
            place = np.searchsorted(values, mask).clip(max=len(values) - 1)
            y[row] = np.where(values[place] == mask, place, MISSING)
    names = [_colour(int(value)) for value in values]
    return DenseClasses(spec.name, len(values), label_names=names), torch.from_numpy(y), notes


def labelled_masks(
    names: Sequence[str], paths: Sequence[Picture | None], sizes: Sequence[Size], side: Size
) -> Tensor:
    """The targets [N, H, W] of new masks by the class names of a known task; a value that it lacks is missing.

    Raises:
        DataError: A file is missing or no image, or its size is not the image's.
    """
    masks = _all_values(paths, sizes, side, numbers=False)
    y = np.full((len(masks), side[1], side[0]), MISSING, np.int64)
    place = {name: number for number, name in enumerate(names)}
    for row, mask in enumerate(masks):
        for value in () if mask is None else np.unique(mask):
            y[row][mask == value] = place.get(_colour(int(value)), MISSING)
    return torch.from_numpy(y)


def _all_values(
    paths: Sequence[Picture | None], sizes: Sequence[Size], side: Size, numbers: bool
) -> list[np.ndarray | None]:
    pairs = zip(paths, sizes, strict=True)
    return [None if path is None else _values(path, size, side, numbers) for path, size in pairs]


def _ignored(spec: TargetSpec, found: np.ndarray) -> tuple[int | None, list[str]]:
    if spec.missing is not None:
        try:
            return int(spec.missing), []
        except ValueError as error:
            raise DataError(
                f"The missing label of {spec.name!r} is not usable",
                expected="a whole number",
                found=repr(spec.missing),
            ) from error
    if IGNORE in found and len(found) > 2:
        return IGNORE, [
            f"Pixels of value {IGNORE} in {spec.name!r} are treated as unlabelled (change this with --missing)."
        ]
    return None, []


def _colour(value: int) -> str:
    return str(value) if value < 1 << 16 else f"#{value - (1 << 24):06x}"


def _values(path: Picture, size: Size, side: Size, numbers: bool) -> np.ndarray:
    """A mask's values, [H, W]: palette indices, grey levels, or colours as 2^24 + rgb."""
    if isinstance(path, Path) and not path.is_file():
        raise DataError(f"There is no mask {path}", do="Correct the path, or leave the cell empty")
    do = "Leave the cell empty, or replace it"
    with readable(called(path), "an image", *DAMAGE, do=do), opened(path) as image:
        image = upright(image)
        if image.size != size:
            raise DataError(
                f"The mask {called(path)} differs in size from its image",
                expected=f"{size[0]}x{size[1]} pixels",
                found=f"{image.size[0]}x{image.size[1]}",
            )
        colours = image.mode not in ("1", "L", "P", "I", "I;16", "F")
        plain = image.convert("RGB") if colours else image
        pixels = np.asarray(plain.resize(side, Image.Resampling.NEAREST))
    if not colours:
        return pixels.astype(np.float32 if numbers else np.int64)
    if numbers:
        raise damaged(called(path), "one number per pixel", "colours", "Save it in grey (8 or 16 bit)")
    rgb = pixels.astype(np.int64)
    return (1 << 24) + (rgb[..., 0] << 16) + (rgb[..., 1] << 8) + rgb[..., 2]
