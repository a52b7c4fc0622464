"""How image files become inputs: the same size and channels for the training images and for later ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pandas as pd
from pydantic import Field

from auxin.data.encoders.checked import checked_as, state_of
from auxin.data.encoders.contract import Encoded, Encoder, Notify, warn
from auxin.data.reading.files import pick
from auxin.data.reading.frame import SUFFIXES, read_frame
from auxin.data.reading.images import ENDINGS, Picture, below, called, decode, limited, look, place
from auxin.errors import DataError, naming


@dataclass(eq=False)
class ImageFiles(Encoder):
    """Image files as uint8 [N, C, H, W]: grey or colour, of one size.

    Attributes:
        shape: (C, H, W) of the training inputs.
        resized: Whether images of other sizes are brought to it, as some of the training images were.
        column: Of an image table, the column of the images' paths.
        encoding: Encoding of an image table that is a text file.
        max_pixels: Images of more pixels are refused, as in training; None: of more than 100 million.
    """

    kind: ClassVar[str] = "images"
    unsaid: ClassVar[tuple[str, ...]] = ("max_pixels",)
    shape: Annotated[tuple[int, ...], Field(min_length=3, max_length=3)]
    resized: bool
    column: str | None = None
    encoding: str = "utf-8"
    max_pixels: int | None = None

    def encode(self, source: Any, notify: Notify = warn) -> Encoded:
        """The inputs of an image, a folder of images, a table that lists them, or a list of their paths."""
        with limited(self.max_pixels):
            return self._read(self.files(source), notify)

    def _read(self, files: list[Picture], notify: Notify) -> Encoded:
        channels, height, width = self.shape
        seen = look(files)
        for file, (size, _, _) in zip(files, seen, strict=True):
            if size != (width, height) and not self.resized:
                raise DataError(
                    f"{called(file)} differs in size from the training images",
                    expected=f"{width}x{height} pixels, as all of them had",
                    found=f"{size[0]}x{size[1]}",
                    do="Resize it, or train with --size",
                )
        if channels == 1 and (coloured := sum(not one.grey for one in seen)):
            notify(f"{coloured:,} colour images were converted to grey, like the training images.")
        return decode(files, (width, height), channels == 1), None

    def files(self, source: Any) -> list[Picture]:
        """The files of the images, in the order of the inputs' rows.

        Raises:
            DataError: There are none.
        """
        if isinstance(source, str | Path):
            path = Path(source)
            if path.name.lower().endswith(SUFFIXES):
                with naming(path):
                    return self._listed(path.parent, read_frame(path, self.encoding))
            found: list[Picture] = [*below(path)] if path.is_dir() else [path]
        elif isinstance(source, pd.DataFrame):
            found = self._listed(Path(), source)
        else:
            found = [Path(path) for path in source] if isinstance(source, Sequence) else []
        if not found:
            raise DataError(
                f"There are no images in {source}", expected=f"files ending in {', '.join(ENDINGS)}"
            )
        return found

    def _listed(self, folder: Path, frame: Any) -> list[Picture]:
        column = self.column if self.column is not None else "image"
        return paths_in(folder, pick(dict(frame), column))

    def state(self) -> dict[str, Any]:
        """Shape, whether images are resized, and how a table of them is read."""
        return state_of(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "ImageFiles":
        """The encoder that gave this state."""
        return checked_as(cls, state)


def paths_in(folder: Path, column: Any) -> list[Picture]:
    """A column's paths, relative to the table's folder; images that the table itself holds as they are.

    Raises:
        DataError: A row has none.
    """
    if (empty := column.isna()).any():
        row = int(empty.to_numpy().nonzero()[0][0])
        raise DataError(f"The column {column.name!r} has no path in row {row}", do="Fill it in")
    return [place(cell, folder) for cell in column]
