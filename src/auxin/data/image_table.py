"""A user's own images listed in a table: a column of paths, a target column and any auxiliary ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from auxin.data._base import Dataset, Source
from auxin.data._columns import kinds_said, parse_kinds, split_rows, target_of
from auxin.data._encoder_images import ImageFiles, paths_in
from auxin.data._frame import SUFFIXES, read_frame
from auxin.data._images import read_images
from auxin.data._targets import listed, pick, refinements
from auxin.errors import ConfigError, message


class ImageTable(Source):
    """One image per row of a table that pandas reads; paths are relative to the table's folder.

    Targets are read as those of a table: words, booleans and whole numbers of at most 20 different values are
    classes, other numbers are regression, empty cells are missing.

    Options:
        image: the column of the images' paths.
        target: the column of the main task.
        aux: the columns of the auxiliary tasks, a list or separated by commas.
        kinds: kinds of targets said outright, "COLUMN=classes|ordered|regression", separated by commas.
        split: a column of the words train and test, which marks the official test rows.
        size: the side in pixels that every image is brought to; where not given, their own if they all have
            the same, else 64.
        encoding: of a text file, "utf-8" where not given.
    """

    options: ClassVar[tuple[str, ...]] = ("image", "target", "aux", "kinds", "split", "size", "encoding")
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    required: ClassVar[tuple[str, ...]] = ("image",)

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        image: str | None = None,
        target: str | None = None,
        aux: str | Sequence[str] = (),
        kinds: str = "",
        split: str | None = None,
        size: int | None = None,
        encoding: str = "utf-8",
        **options: Any,
    ) -> Dataset:
        """Read the table `root` and the images it lists."""
        del options
        if root is None or image is None or target is None:
            raise ConfigError(
                message("What is to be read is not said", expected="FILE --image COLUMN --target COLUMN")
            )
        frame: Any = read_frame(root, encoding)
        names, said = listed(target, aux), parse_kinds(kinds)
        for name in [image, *names, *said, *([split] if split else [])]:
            pick(str(root), dict.fromkeys(frame.columns), name)
        made = {name: target_of(str(root), frame[name], said.get(name)) for name in names}
        tasks, y = {n: task for n, (task, _) in made.items()}, {n: values for n, (_, values) in made.items()}
        x, resized, notes = read_images(paths_in(str(root), root.parent, frame[image]), size)
        return Dataset(
            name=root.name.split(".")[0],
            x=x,
            tasks=tasks,
            y=y,
            main=target,
            official_test=split_rows(str(root), frame, split),
            parents=refinements(tasks, y, target),
            source=root.name,
            augmentation="crop_flip",
            encoder=ImageFiles(tuple(x.shape[1:]), resized, image, encoding),
            notes=(kinds_said(tasks), *notes),
        )
