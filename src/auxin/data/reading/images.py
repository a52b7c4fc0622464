"""Image files as one tensor: decoded by Pillow, brought to one size and one number of channels."""

import glob
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor

from auxin.data.reading.files import damaged, readable
from auxin.errors import ConfigError, DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
Picture = Path | bytes
"""An image file, or what one holds."""
DEEP = ("I;16", "I;16B", "I;16L", "I")
"""Pillow's modes of grey images of 16 bits."""
SHALLOWED = "16 bits are read as 8"
DARK = 64
"""Below this brightest of 255 levels, images of 16 bits are taken to use 14 or fewer."""
DEFAULT_SIZE = 64
"""Images of different sizes are brought to this side, unless another is asked for."""


def read_images(paths: Sequence[Picture], size: int | None) -> tuple[Tensor, bool, list[str]]:
    """The images, uint8 [N, C, H, W] (C is 1 where all are grey, else 3), and what was decided.

    Args:
        paths: The files, at least one.
        size: The side of the square that every image is brought to; None keeps their size where it is the
            same.

    Returns:
        the images; whether images of other sizes are brought to theirs; sentences.

    Raises:
        DataError: There are no files, or one is missing or no image.
        ConfigError: The size is not usable.
    """
    if size is not None and (not isinstance(size, int) or not 4 <= size <= 1024):
        raise ConfigError("The image size is not usable", expected="4 to 1,024 pixels", found=repr(size))
    if not paths:
        raise DataError("There are no images to read", expected=f"files ending in {', '.join(ENDINGS)}")
    seen = look(paths)
    sizes, grey = {found.size for found in seen}, all(found.grey for found in seen)
    notes = [
        f"Of {count:,} images {what}." for what, count in Counter(w for s in seen for w in s.lost).items()
    ]
    if size is None and len(sizes) > 1:
        size = DEFAULT_SIZE
        notes.append(
            f"The images have {len(sizes)} different sizes: all are resized to {size}x{size} (--size)."
        )
    side = next(iter(sizes)) if size is None else (size, size)
    pixels = decode(paths, side, grey)
    if deep := [row for row, found in enumerate(seen) if SHALLOWED in found.lost]:
        brightest = int(pixels[deep].max())  # a camera uses 10 or 12 bits, of which the upper 8 are read
        if brightest < DARK:
            notes.append(
                f"The brightest pixel of the images of 16 bits is {brightest} of 255: most of what they show is lost. "
                "Save them so that the brightest is near 65,535."
            )
    return pixels, size is not None, notes


class ImageHead(NamedTuple):
    """What a file's head says of an image.

    Attributes:
        size: Width and height.
        grey: Whether it is grey.
        lost: What is not read of it, as the end of a sentence.
    """

    size: tuple[int, int]
    grey: bool
    lost: tuple[str, ...]


def look(paths: Sequence[Picture]) -> list[ImageHead]:
    """What each file's head says, without decoding it."""
    found = []
    for path in paths:
        if isinstance(path, Path) and not path.is_file():
            near = next((p.name for p in sorted(path.parent.glob(f"{glob.escape(path.name)}.*"))), None)
            do = f"Did you mean {near!r}?" if near else "Correct the path"
            raise DataError(f"There is no image {path}", do=do)
        with readable(called(path), "an image", *DAMAGE, do=INSTEAD), opened(path) as image:
            if image.mode == "F":
                do = "Save it with 8 or 16 bits"
                raise damaged(called(path), "an image of whole numbers", "fractions", do)
            # as it is looked at: EXIF says where a camera was turned
            size = image.size[::-1] if image.getexif().get(ORIENTATION, 1) >= 5 else image.size
            found.append(ImageHead(size, image.mode in ("1", "L", *DEEP), _lost(image)))
    return found


def decode(paths: Sequence[Picture], side: tuple[int, int], grey: bool) -> Tensor:
    """Images brought to one size (width, height), uint8 [N, C, H, W]."""
    pixels = np.empty((len(paths), side[1], side[0], 1 if grey else 3), np.uint8)
    for row, path in enumerate(paths):
        with readable(called(path), "a whole image", *DAMAGE, do=INSTEAD), opened(path) as image:
            plain = upright(image)
            if plain.mode in DEEP:  # Pillow would cut every value above 255
                shallow = np.asarray(plain).astype(np.int64).clip(0, 65535) // 257
                plain = Image.fromarray(shallow.astype(np.uint8))
            plain = plain.convert("L" if grey else "RGB")
            plain = plain if plain.size == side else plain.resize(side, Image.Resampling.BILINEAR)
            pixels[row] = np.asarray(plain).reshape(side[1], side[0], -1)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def below(folder: Path) -> list[Path]:
    """The images in a folder, at any depth, sorted; hidden files and folders are left out, as is `__MACOSX`."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}", do="Correct the path")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return sorted(path for path in found if not any(map(hidden, path.relative_to(folder).parts)))


def hidden(name: str) -> bool:
    """Whether a file or folder of this name is an operating system's: macOS puts `._1.png` beside 1.png."""
    return name.startswith(".") or name == "__MACOSX"


def pictures(cells: Any, folder: Path) -> list[Picture | None]:
    """The pictures of a column that may have none in a row; paths are relative to the folder."""
    return [None if pd.isna(cell) else place(cell, folder) for cell in cells]


def place(cell: Any, folder: Path) -> Picture:
    """A picture of a table's cell: its bytes, or its path relative to the folder, with Windows' marks or others."""
    if isinstance(cell, bytes):
        return cell
    name = str(cell).strip()
    _inside(name, folder)
    path = folder / name
    return path if "\\" not in path.name or path.exists() else folder / name.replace("\\", "/")


OUTSIDE = "AUXIN_ALLOW_OUTSIDE"
"""Where this variable of the environment is 1, as --allow-outside makes it, paths in tables may lead anywhere."""


def _inside(cell: str, folder: Path) -> None:
    """Refuse a path that points outside the table's folder."""
    if "://" in cell:
        do = "Fetch the files, and name them in the table"
        raise DataError("A table names an image on the web, which is not fetched", found=cell[:200], do=do)
    base = os.path.abspath(folder)
    if os.environ.get(OUTSIDE) == "1":
        return
    for spelt in {cell, cell.replace("\\", "/")}:
        path = os.path.abspath(os.path.join(base, spelt))
        if os.path.commonpath([base, path]) != base:
            raise DataError(
                "A path in the table points outside the table's folder",
                expected=f"a path below {base}",
                found=cell[:200],
                do="Put the table beside its images, or pass --allow-outside",
            )


def called(picture: Picture) -> str:
    """A picture's name in messages."""
    return str(picture) if isinstance(picture, Path) else f"an image of {len(picture):,} bytes"


FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Pillow's names of the formats that are read, whatever a file is called; others (EPS runs a program) never are."""
MOST_PIXELS = 100_000_000
"""An image of more pixels is refused, unless the option `max_pixels` says another number."""
_most: ContextVar[int] = ContextVar("the most pixels of an image", default=MOST_PIXELS)
DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow, and `opened`, raise of a file that is no image, or too large a one."""
INSTEAD = "Leave it out, or replace it"
ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""


@contextmanager
def opened(picture: Picture) -> Iterator[Any]:
    """The picture, not decoded yet.

    Raises:
        ValueError: It has too many pixels.
    """
    most, own = _most.get(), Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # the limit is the one below
    try:
        made = Image.open(picture if isinstance(picture, Path) else io.BytesIO(picture), formats=FORMATS)
    finally:
        Image.MAX_IMAGE_PIXELS = own
    with made as image:
        if image.size[0] * image.size[1] > most:
            found = f"{image.size[0]:,} x {image.size[1]:,} pixels, more than {most:,}"
            raise ValueError(f"{found} (--max-pixels raises the limit)")
        yield image


@contextmanager
def limited(most: int | None) -> Iterator[None]:
    """Images of at most so many pixels are read; None: `MOST_PIXELS`.

    Raises:
        ConfigError: The limit is no number of pixels.
    """
    if most is not None and (not isinstance(most, int) or not 0 < most <= 1 << 31):
        expected = f"1 to {1 << 31:,} pixels"
        raise ConfigError("The limit of an image's size is not usable", expected=expected, found=repr(most))
    token = _most.set(MOST_PIXELS if most is None else most)
    try:
        yield
    finally:
        _most.reset(token)


def upright(image: Any) -> Any:
    """The image as it is looked at: turned and mirrored as its EXIF orientation says."""
    return ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image


def _lost(image: Any) -> tuple[str, ...]:
    found = []
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        found.append("the transparency is ignored")
    if getattr(image, "is_animated", False):
        found.append("the first frame or page is read alone")
    if image.mode in DEEP:
        found.append(SHALLOWED)
    return tuple(found)
