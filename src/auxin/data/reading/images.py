"""Image files as one tensor: decoded by Pillow, brought to one size and one number of channels."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from auxin.data.reading.files import damaged
from auxin.errors import ConfigError, DataError, message

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
Picture = Path | bytes
"""An image file, or what one holds."""
DEEP = ("I;16", "I;16B", "I;16L", "I")
"""Pillow's modes of grey images of 16 bits."""
DEFAULT_SIZE = 64
"""Images of different sizes are brought to this side, unless another is asked for."""


def read_images(paths: Sequence[Picture], size: int | None) -> tuple[Tensor, bool, list[str]]:
    """The images, uint8 [N, C, H, W] (C is 1 where all are grey, else 3), and what was decided.

    Args:
        paths: the files, at least one.
        size: the side of the square that every image is brought to; None keeps their size where it is the
            same.

    Returns:
        the images; whether images of other sizes are brought to theirs; sentences.

    Raises:
        DataError: there are no files, or one is missing or no image.
        ConfigError: the size is not usable.
    """
    if size is not None and (not isinstance(size, int) or not 4 <= size <= 1024):
        raise ConfigError(
            message("The image size is not usable", expected="4 to 1,024 pixels", found=repr(size))
        )
    if not paths:
        raise DataError(
            message("There are no images to read", expected=f"files ending in {', '.join(ENDINGS)}")
        )
    seen = look(paths)
    sizes, grey = {found for found, _ in seen}, all(plain for _, plain in seen)
    notes = []
    if size is None and len(sizes) > 1:
        size = DEFAULT_SIZE
        notes.append(
            f"The images have {len(sizes)} different sizes: all are brought to {size}x{size} (--size)."
        )
    side = next(iter(sizes)) if size is None else (size, size)
    return decode(paths, side, grey), size is not None, notes


def look(paths: Sequence[Picture]) -> list[tuple[tuple[int, int], bool]]:
    """Each image's size (width, height), and whether it is grey."""
    return [_look(path) for path in paths]


def decode(paths: Sequence[Picture], side: tuple[int, int], grey: bool) -> Tensor:
    """Images brought to one size (width, height), uint8 [N, C, H, W]."""
    pixels = np.empty((len(paths), side[1], side[0], 1 if grey else 3), np.uint8)
    for row, path in enumerate(paths):
        pixels[row] = _pixels(path, side, grey)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def below(folder: Path) -> list[Path]:
    """The images in a folder, at any depth, sorted."""
    if not folder.is_dir():
        raise DataError(message(f"There is no folder {folder}", do="Correct the path"))
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())


def pictures(cells: Any, folder: Path) -> list[Picture | None]:
    """The pictures of a column that may have none in a row; paths are relative to the folder."""
    found = [None if pd.isna(cell) else cell for cell in cells]
    return [None if cell is None else place(cell, folder) for cell in found]


def place(cell: Any, folder: Path) -> Picture:
    """A picture of a table's cell: its bytes, or its path relative to the folder, with Windows' marks or others."""
    if isinstance(cell, bytes):
        return cell
    path = folder / str(cell).strip()
    return path if "\\" not in path.name or path.exists() else folder / str(cell).strip().replace("\\", "/")


def called(picture: Picture) -> str:
    """A picture's name in messages."""
    return str(picture) if isinstance(picture, Path) else f"an image of {len(picture):,} bytes"


def opened(picture: Picture) -> Any:
    """The picture, not decoded yet."""
    return Image.open(picture if isinstance(picture, Path) else io.BytesIO(picture))


def _look(path: Picture) -> tuple[tuple[int, int], bool]:
    """An image's size, and whether it is grey, without decoding it."""
    if isinstance(path, Path) and not path.is_file():
        raise DataError(message(f"There is no image {path}", do="Correct the path"))
    try:
        with opened(path) as image:
            if image.mode == "F":
                raise damaged(
                    called(path), "an image of whole numbers", "fractions", "Save it with 8 or 16 bits"
                )
            return image.size, image.mode in ("1", "L", *DEEP)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(called(path), "an image", error, "Leave it out, or replace it") from error


def _shallow(image: Any) -> Any:
    """An image of 16 bits with 8: Pillow would cut every value above 255."""
    if image.mode not in DEEP:
        return image
    return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) // 257).astype(np.uint8))


def _pixels(path: Picture, side: tuple[int, int], grey: bool) -> np.ndarray:
    try:
        with opened(path) as image:
            plain = _shallow(image).convert("L" if grey else "RGB")
            plain = plain if plain.size == side else plain.resize(side, Image.Resampling.BILINEAR)
            return np.asarray(plain).reshape(side[1], side[0], -1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise damaged(called(path), "a whole image", error, "Leave it out, or replace it") from error
