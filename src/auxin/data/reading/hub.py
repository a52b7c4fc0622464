"""Data sets of the Hugging Face hub as one pandas table, read by `datasets`: splits, class names, images, lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auxin.errors import ConfigError, DataError, message

TRAIN, TEST, VALIDATION = "train", "test", "validation"


@dataclass(frozen=True)
class HubTable:
    """All splits of a data set, one below the other.

    Attributes:
        frame: numbers, words, categories (class labels by name) and images (their encoded bytes); empty where missing.
        splits: The split of each row, as the publisher calls it.
        images: The columns of images.
        classes: The columns of class labels.
        lists: For each column of lists of numbers, the columns that it became.
        left_out: Columns that are none of these.
    """

    frame: Any
    splits: tuple[str, ...]
    images: tuple[str, ...]
    classes: tuple[str, ...]
    lists: dict[str, list[str]]
    left_out: tuple[str, ...]


def read_hub(name: str) -> HubTable:
    """The data set of this name, fetched once and kept by `datasets`.

    Args:
        name: OWNER/NAME, OWNER/NAME:CONFIGURATION, or a local folder in such a format.

    Raises:
        ConfigError: The package `datasets` is not installed.
        DataError: The data set cannot be fetched or read.
    """
    parts = _parts(name)
    features = next(iter(parts.values())).features
    made = {split: _frame(part, features) for split, part in parts.items()}
    splits = tuple(split for split, frame in made.items() for _ in range(len(frame)))
    frame: Any = pd.concat(list(made.values()), ignore_index=True)
    kinds = {column: _kind(feature) for column, feature in features.items()}
    images, classes, lists = (
        [c for c, kind in kinds.items() if kind == k] for k in ("image", "class", "list")
    )
    wide = {column: made for column in lists if (made := _spread(frame[column])) is not None}
    left_out = [c for c, kind in kinds.items() if kind in ("list", "other") and c not in wide]
    for column in classes:
        frame[column] = frame[column].cat.remove_unused_categories()
    columns: list[Any] = [wide.get(column, frame[[column]]) for column in kinds if column not in left_out]
    return HubTable(
        pd.concat([frame[[]], *columns], axis=1),
        splits,
        tuple(images),
        tuple(classes),
        {column: list(made.columns) for column, made in wide.items()},
        tuple(left_out),
    )


def _parts(name: str) -> dict[str, Any]:
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ConfigError(
            f"hub:{name} needs the package datasets", do='Install it: pip install "auxin[hub]"'
        ) from error
    local = Path(name).is_dir()
    place, _, configuration = (name, "", "") if local else name.partition(":")
    try:
        found = datasets.load_dataset(place, configuration or None)
    except Exception as error:  # datasets, huggingface_hub and the network raise many kinds
        raise DataError(_unread(name, local, error)) from error
    return {str(split): part for split, part in found.items()}


def _unread(name: str, local: bool, error: Exception) -> str:
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if local:
        return message(
            f"The folder {name} cannot be read as a hub data set",
            expected="files that `datasets.load_dataset(FOLDER)` reads, such as train-*.parquet and test-*.parquet",
            found=said,
        )
    return message(
        f"The data set {name} cannot be loaded from the hub",
        expected="OWNER/NAME or OWNER/NAME:CONFIGURATION, and a connection, unless it was fetched before",
        found=said,
        do="Offline, fetch its files elsewhere and give the folder: hub:FOLDER",
    )


def _kind(feature: Any) -> str:
    """What a column is: class, image, words (of a list), list (of numbers), value, or other."""
    import datasets  # pyright: ignore[reportMissingImports]

    inner: Any = getattr(feature, "feature", None)
    if isinstance(feature, datasets.ClassLabel):
        return "class"
    if isinstance(feature, datasets.Image):
        return "image"
    if isinstance(feature, datasets.Value):
        return "value"
    if isinstance(inner, datasets.ClassLabel) or (
        isinstance(inner, datasets.Value) and "string" in inner.dtype
    ):
        return "words"
    return "list" if isinstance(inner, datasets.Value) else "other"


def _frame(part: Any, features: Any) -> pd.DataFrame:
    """One split as a table."""
    import datasets  # pyright: ignore[reportMissingImports]

    for column, feature in features.items():
        if isinstance(feature, datasets.Image):
            part = part.cast_column(column, datasets.Image(decode=False))
    frame: Any = part.to_pandas()
    for column, feature in features.items():
        kind = _kind(feature)
        if kind == "class":
            codes = frame[column].fillna(-1).astype(int)
            frame[column] = pd.Categorical.from_codes(codes.where(codes >= 0, -1), feature.names)
        elif kind == "image":
            frame[column] = pd.Series([_bytes(cell) for cell in frame[column]], dtype=object)
        elif kind == "words":
            names = getattr(feature.feature, "names", None)
            frame[column] = pd.Series([_joined(cell, names) for cell in frame[column]], dtype="str")
    return frame


def _bytes(cell: Any) -> bytes | None:
    """An image as it is encoded, in the table or in a file beside it."""
    if cell is None:
        return None
    try:
        return cell["bytes"] if cell.get("bytes") is not None else Path(cell["path"]).read_bytes()
    except OSError as error:
        raise DataError(message(f"An image cannot be read: {error}")) from error


def _joined(cell: Any, names: Sequence[str] | None) -> str | None:
    """A list of words as auxin writes attributes, "red;small"."""
    if cell is None:
        return None
    words = [str(value) if names is None else names[int(value)] for value in cell]
    return ";".join(word.replace(";", ",") for word in words)


def _spread(cells: Any) -> pd.DataFrame | None:
    """A column of lists of one length as so many columns; None where their lengths differ."""
    lengths = {len(cell) for cell in cells if cell is not None}
    width = lengths.pop() if len(lengths) == 1 else 0
    if not width:
        return None
    blank = np.full(width, np.nan)
    rows = np.stack([blank if cell is None else np.asarray(cell, float) for cell in cells])
    return pd.DataFrame(rows, columns=pd.Index([f"{cells.name}.{place}" for place in range(width)]))


def sides(table: HubTable, main: Sequence[str]) -> tuple[list[str], list[str]]:
    """ "train" or "test" for each row, and sentences: the publisher's test rows, else the published validation rows.

    A split whose rows all miss the main label (the test rows of many competitions) tests nothing.

    Args:
        table: The data set.
        main: The columns of the main task.
    """
    known = table.frame[list(main)].notna().all(axis=1).to_numpy()
    labelled = {split for split, has in zip(table.splits, known, strict=True) if has}
    test = next((split for split in (TEST, VALIDATION) if split in labelled), None)
    if labelled == {test}:
        test = None
    counts = ", ".join(f"{split} {table.splits.count(split):,}" for split in dict.fromkeys(table.splits))
    if test is None:
        said = "no labelled test rows; auxin holds out some of its own"
    else:
        said = f"{test} rows test, the others train (validation rows are drawn from those)"
    notes = [f"Splits of the hub: {counts}; {said}."]
    if table.left_out:
        notes.append(
            f"Columns left out (neither numbers, words, classes nor images): {', '.join(table.left_out)}."
        )
    return [TEST if split == test else TRAIN for split in table.splits], notes
