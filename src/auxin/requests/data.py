"""Which data, how they are read, and how rows get their roles."""

from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict

from auxin.catalogue import check_data
from auxin.requests.option import Group, option


class DataSpec(Group):
    """Which data, read how: enough for another process to load the same.

    An option of a known data set that is not among these (`DataSpec(name="camvid", made=True)`) is kept, and checked
    when the data set is loaded.
    """

    model_config = ConfigDict(extra="allow")
    panel: ClassVar[str] = "Data"

    name: str = option(
        ...,
        "A file, a folder of images, a known data set (`auxin ls data`), or hub:OWNER/NAME.",
        "data",
        argument=True,
    )
    target: str | None = option(
        None, "The main task's column. Needed where the data have several targets.", metavar="COLUMN"
    )
    aux: str | None = option(
        None,
        "Columns of auxiliary tasks, comma-separated. NAME=A|B|C makes one task of several columns.",
        metavar="COLUMNS",
    )
    kinds: str | None = option(
        None,
        "Type of a target (main or auxiliary), such as y=ordered, comma-separated: classes, ordered, regression, "
        "multilabel, vector or dense. Default: guessed from the values, and printed.",
        "--kind",
        "NAME=KIND",
    )
    missing: str | None = option(
        None, "Value that means a missing label, such as y=-1.", metavar="NAME=VALUE"
    )
    group: str | None = option(
        None, "Column of groups. Rows of one group stay on the same side of every split.", metavar="COLUMN"
    )
    domain: str | None = option(
        None,
        "Column of each row's source (site, annotator, website), and the source that the model is for, such as "
        "site=hospital. Validation and test rows are of that source; the rows of every other source are a task with "
        "the same output, so that `softmax` learns a weight for each source and `equal` gives all the same.",
        metavar="COLUMN=VALUE",
    )
    split: str | None = option(
        None,
        "Column that assigns each row to the training or the test set (values `train` and `test`).",
        metavar="COLUMN",
    )
    unlabelled: str | int | None = option(
        None, "Table or folder of additional rows or images without a main label.", metavar="PATH"
    )
    image: str | None = option(
        None, "Column of a table that holds the paths of image files.", metavar="COLUMN"
    )
    size: int | None = option(None, "Side length that every image is resized to.", metavar="PIXELS", ge=1)
    max_pixels: int | None = option(
        None, "Maximum number of pixels of an image; larger images are refused (default: 100 million).", ge=1
    )
    text: str | None = option(None, "Columns to read as text, comma-separated.", metavar="COLUMNS")
    max_words: int | None = option(
        None, "Maximum number of words in the vocabulary of the text columns (default: 4,000).", ge=1
    )
    encoding: str | None = option(None, "Encoding of text files (default: utf-8).")
    inputs: str | None = option(None, "Array of an .npz file that holds the inputs.")
    ignore: str | None = option(
        None, "Columns to leave out of the inputs, comma-separated.", metavar="COLUMNS"
    )
    keep: str | None = option(
        None, "Columns to keep even if they reveal the target (leakage), comma-separated.", metavar="COLUMNS"
    )
    level: str | None = option(
        None,
        "CIFAR-100 only: P primary and A auxiliary classes, out of 3, 10, 20 and 100. Further numbers add auxiliary "
        "tasks.",
        metavar="P:A[:...]",
    )
    root: Path | None = option(None, "Folder with the files of a known data set.", changes_results=False)
    download: bool = option(
        False, "Download the files of a known data set into --root.", changes_results=False
    )

    def __hash__(self) -> int:
        return hash((self.name, self.root, self.options))

    @property
    def options(self) -> tuple[tuple[str, Any], ...]:
        """The options that are given, as `auxin.data.load` takes them: sorted pairs of name and value."""
        given = {**dict(self), "download": self.download or None, **(self.model_extra or {})}
        return tuple(sorted((k, v) for k, v in given.items() if k not in ("name", "root") and v is not None))

    @property
    def stem(self) -> str:
        """The data's name without folder and endings."""
        return Path(self.name).name.split(".")[0]

    def check(self) -> None:
        """Refuse a file that is missing, and the name of a data set that does not exist."""
        check_data(self.name, self.root)

    def identity(self) -> dict[str, Any]:
        """Return the data's name and the options that are given, without those that change no row."""
        return {"name": self.name, "options": [pair for pair in self.options if pair[0] != "download"]}


class SplitSpec(Group):
    """How rows get their roles (see `auxin.data.make_splits`)."""

    panel: ClassVar[str] = "Rows"

    labels_per_class: int | None = option(
        None, "Keep K main labels per class, including those of the validation rows.", metavar="K"
    )
    fraction: float | None = option(
        None, "Fraction of the training rows to use. The other rows are dropped.", metavar="F"
    )
    validation: float = option(
        0.2,
        "Size of the validation set: a fraction of the labelled training rows, or a number of rows.",
        metavar="SIZE",
    )
    auxiliary: float = option(
        0.0,
        "Size of the set held out of training for the meta step: a fraction, or a number of rows.",
        metavar="SIZE",
    )
    test: float = option(
        0.5, "Size of the test set, if the data have none: a fraction of the rows, below 1.", metavar="F"
    )

    def __hash__(self) -> int:
        return hash(tuple(dict(self).values()))
