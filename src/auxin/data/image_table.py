"""A user's own images listed in a table: a column of paths, a target column and any auxiliary ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from torch import Tensor

from auxin.data.base import Dataset, DataSource
from auxin.data.encoders.images import ImageFiles, paths_in
from auxin.data.reading.files import pick
from auxin.data.reading.frame import SUFFIXES, columns_of, read_frame, with_unlabelled
from auxin.data.reading.images import ENDINGS, Picture, below, limited, look, pictures, read_images
from auxin.data.reading.masks import dense_target
from auxin.data.targets.columns import form_of_labels, groups_of, kinds_note, split_rows, target_of
from auxin.data.targets.refinements import refinements
from auxin.data.targets.specs import DENSE, TargetSpec, parse_specs
from auxin.errors import ConfigError
from auxin.tasks.base import Task


class ImageTable(DataSource):
    """One image per row of a table that pandas reads; paths are relative to the table's folder.

    Targets are read as those of a table (see `table`), and where a column holds paths of image files it is a
    dense target: a class for every pixel (palette index, grey level or colour), or a number
    (`kinds="depth=dense_regression"`). Pixels of value 255 have no label, unless 0 and 255 are all there is.

    Options:
        image: The column of the images' paths.
        target: The column of the main task.
        aux: The columns of the auxiliary tasks, a list or separated by commas.
        kinds: Types of targets, "NAME=KIND" (classes, ordered, regression, multilabel, vector,
            dense_classes or dense, dense_regression), separated by commas.
        missing: Values that stand for a missing label, "NAME=VALUE", separated by commas.
        split: A column of the words train and test, which marks the official test rows.
        group: A column whose equal cells never fall on both sides of a split.
        size: The side in pixels that every image is brought to; where not given, their own if they all have
            the same, else 64.
        max_pixels: An image or mask of more pixels is refused; 100 million where not given. Saved models keep it.
        unlabelled: A folder of images, or another such table, without a main label: they train the
            auxiliaries only.
        encoding: Encoding of a text file, "utf-8" where not given.
    """

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
        kinds: str | Sequence[str] = "",
        missing: str | Sequence[str] = "",
        split: str | None = None,
        group: str | None = None,
        size: int | None = None,
        max_pixels: int | None = None,
        unlabelled: str | Path | None = None,
        encoding: str = "utf-8",
    ) -> Dataset:
        """Read the table `root` and the images it lists."""
        if root is None or image is None or target is None:
            raise ConfigError(
                "The table of images and its columns are not given",
                expected="FILE --image COLUMN --target COLUMN",
            )
        known, _ = columns_of(root, encoding)
        specs = parse_specs(known, target, aux, kinds, missing)
        others = [image, *(name for name in (split, group) if name)]
        for name in others:
            pick(dict.fromkeys(known), name)
        written = {*others, *(column for spec in specs for column in spec.columns)}
        frame: Any = read_frame(root, encoding, written)
        files = paths_in(root.parent, frame[image])
        if unlabelled is not None:
            files, frame = _more(files, frame, Path(unlabelled), image, encoding, specs[0].columns, split)
        read = ImageTableFormat(image, split, group, size, encoding, max_pixels)
        with limited(max_pixels):
            return of_images(frame, files, specs, root, read)


@dataclass(frozen=True)
class ImageTableFormat:
    """How a table of images is read (see `ImageTable`)."""

    image: str
    split: str | None = None
    group: str | None = None
    size: int | None = None
    encoding: str = "utf-8"
    max_pixels: int | None = None


def of_images(
    frame: Any,
    files: Sequence[Picture],
    specs: Sequence[TargetSpec],
    source: Path,
    read: ImageTableFormat,
    notes: Sequence[str] = (),
) -> Dataset:
    """The data set that a table in memory is, each of whose rows has an image.

    Args:
        frame: The table.
        files: The rows' images.
        specs: The targets, the main one first.
        source: The file or hub data set; masks are relative to its folder.
        read: Which columns say what.
        notes: What was decided before, in sentences.
    """
    x, resized, said = read_images(files, read.size)
    tasks, y = _targets(frame, specs, files, source.parent, x, said)
    encoder = ImageFiles(tuple(x.shape[1:]), resized, read.image, read.encoding, read.max_pixels)
    if not tasks[specs[0].name].dense:
        encoder.labels = form_of_labels(frame, specs[0])
    return Dataset(
        name=source.name.split(".")[0],
        x=x,
        tasks=tasks,
        y=y,
        main=specs[0].name,
        official_test=split_rows(frame, read.split),
        groups=groups_of(frame, read.group),
        parents=refinements(tasks, y, specs[0].name),
        source=source.name,
        augmentation="crop_flip",
        encoder=encoder,
        notes=(kinds_note(tasks, [spec.name for spec in specs if spec.kind]), *notes, *said),
    )


def _more(
    files: list[Picture],
    frame: Any,
    unlabelled: Path,
    image: str,
    encoding: str,
    main: Sequence[str],
    split: str | None,
) -> tuple[list[Picture], Any]:
    """The rows with those below them that have no main label: a folder's images, or another table's."""
    if unlabelled.is_dir():
        found = below(unlabelled)
        more: Any = pd.DataFrame({image: [str(path) for path in found]})
        more = more.assign(**({split: "train"} if split else {}))
        return [*files, *found], pd.concat([frame, more], ignore_index=True)
    together = with_unlabelled(frame, unlabelled, encoding, main, split)
    listed = together[image].iloc[len(frame) :]
    return [*files, *paths_in(unlabelled.parent, listed)], together


def _targets(
    frame: Any,
    specs: Sequence[TargetSpec],
    files: Sequence[Picture],
    folder: Path,
    x: Tensor,
    notes: list[str],
) -> tuple[dict[str, Task], dict[str, Tensor]]:
    tasks: dict[str, Task] = {}
    y: dict[str, Tensor] = {}
    for spec in specs:
        if spec.kind in DENSE or (spec.kind is None and _holds_paths(frame, spec)):
            paths = pictures(frame[spec.columns[0]], folder)
            sizes = [one.size for one in look(files)]
            side = (x.shape[3], x.shape[2])
            made = dense_target(spec, paths, sizes, side)
        else:
            made = target_of(frame, spec)
        tasks[spec.name], y[spec.name], said = made
        notes += said
    return tasks, y


def _holds_paths(frame: Any, spec: TargetSpec) -> bool:
    known = frame[spec.columns[0]].dropna()
    if len(spec.columns) > 1 or known.empty:
        return False
    return all(isinstance(v, bytes) or str(v).lower().endswith(ENDINGS) for v in known)
