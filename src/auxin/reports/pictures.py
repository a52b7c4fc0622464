"""Pictures that others left in a comparison's folder `figures`: the page shows each with its caption."""

import base64
from dataclasses import dataclass
from pathlib import Path

from auxin.reports import captions

KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
LARGEST = 4_000_000
"""Bytes of a picture that a page still takes in."""


@dataclass(frozen=True)
class CreditedPicture:
    """A picture of someone else's making.

    Attributes:
        title: Title, from the file name.
        caption: From a text file of the same name beside it (`NAME.txt`), else empty.
        url: The picture itself, as a data URL.
    """

    title: str
    caption: str
    url: str


def pictures(folder: Path) -> list[CreditedPicture]:
    """The pictures in `folder/figures` that are none of the page's own, by name; one format of each."""
    found: dict[str, Path] = {}
    for file in sorted((folder / "figures").glob("*")):
        if file.suffix in KINDS and not captions.known(file.stem) and file.stat().st_size <= LARGEST:
            found.setdefault(file.stem, file)
    return [_picture(file) for file in found.values()]


def _picture(file: Path) -> CreditedPicture:
    text = file.with_suffix(".txt")
    said = text.read_text(encoding="utf-8").strip() if text.exists() else ""
    content = base64.b64encode(file.read_bytes()).decode()
    return CreditedPicture(captions.title(file.stem), said, f"data:{KINDS[file.suffix]};base64,{content}")
