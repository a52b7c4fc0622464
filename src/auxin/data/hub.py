"""A data set of the Hugging Face hub, `hub:OWNER/NAME`, or a local folder in such a format: tables and images."""

from collections.abc import Sequence
from pathlib import Path

from auxin.data import image_table, table
from auxin.data.base import Dataset, DataSource
from auxin.data.encoders.images import paths_in
from auxin.data.reading.files import pick
from auxin.data.reading.hub import HubTable, read_hub, sides
from auxin.data.targets.specs import TargetSpec, parse_specs, words
from auxin.errors import ConfigError, DataError


class Hub(DataSource):
    """`hub:OWNER/NAME`, `hub:OWNER/NAME:CONFIGURATION` or `hub:FOLDER`, read by `datasets` (the extra `hub`).

    Columns are read as those of a table (see `table`) or, where one holds images, of an image table (see
    `image_table`). Class labels go by their names and -1 is missing; lists of words are attributes, lists of numbers
    of one length as many columns; a column of images may be a dense target. What is none of these is left out, and
    said. The published test rows test where they carry labels, else the published validation rows; all other splits
    train, those without labels (`unsupervised`) the auxiliaries only. Validation rows are drawn from training rows.

    Options:
        target: The column of the main task; where not given, the only column of classes.
        aux: The columns of the auxiliary tasks, a list or separated by commas.
        ignore: Columns to leave out, a list or separated by commas.
        keep: Columns to keep although they hold the target, a list or separated by commas.
        kinds: Types of targets, "NAME=KIND", separated by commas.
        missing: Values that stand for a missing label, "NAME=VALUE", separated by commas.
        group: A column whose equal cells never fall on both sides of a split.
        text: Columns that are text, a list or separated by commas; others are where they look it.
        image: The column of images, where there are several.
        size: The side in pixels that every image is brought to; where not given, their own if they all have
            the same, else 64.
    """

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        target: str | None = None,
        aux: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
        keep: str | Sequence[str] = (),
        kinds: str | Sequence[str] = "",
        missing: str | Sequence[str] = "",
        group: str | None = None,
        text: str | Sequence[str] = (),
        image: str | None = None,
        size: int | None = None,
    ) -> Dataset:
        """Read the data set `root`: its name, or a folder."""
        if root is None:
            raise ConfigError("The hub data set is not given", expected="hub:OWNER/NAME")
        found = read_hub(str(root))
        target = target if target is not None else _only_classes(found)
        asked = [_spelled(found, name) for name in words(aux)]
        specs = parse_specs(list(found.frame.columns), _spelled(found, target), asked, kinds, missing)
        for name in [*words(ignore), *words(keep), *words(text), *([group] if group else [])]:
            pick(dict.fromkeys(found.frame.columns), name)
        marks, notes = sides(found, specs[0].columns)
        split = "split" if "split" not in found.frame else "split of the hub"
        pictures, frame = _pictures(found, specs, image), found.frame.assign(**{split: marks})
        if pictures is not None:
            files = paths_in(Path(), frame[pictures])
            how = image_table.ImageTableFormat(pictures, split, group, size)
            return image_table.of_images(frame, files, specs, root, how, notes)
        left = table.ColumnRoles(words(ignore), words(keep), words(text), split, group)
        return table.of_frame(frame, specs, left, root.name, notes=notes)


def _only_classes(found: HubTable) -> str:
    if len(found.classes) == 1:
        return found.classes[0]
    raise ConfigError(
        "The target column is not given",
        expected="--target COLUMN",
        found=f"columns {', '.join(map(str, found.frame.columns))}",
    )


def _spelled(found: HubTable, name: str) -> str:
    """A target that is a column of lists of numbers, as a target of several columns."""
    return f"{name}={'|'.join(found.lists[name])}" if name in found.lists else name


def _pictures(found: HubTable, specs: Sequence[TargetSpec], image: str | None) -> str | None:
    """The column of the inputs where they are images, else None."""
    targets = {column for spec in specs for column in spec.columns}
    able = [column for column in found.images if column not in targets]
    if image is not None:
        pick(dict.fromkeys(found.images), image)
        return image
    if len(able) > 1:
        raise DataError("Several columns hold images", expected="--image COLUMN", found=", ".join(able))
    return able[0] if able else None
