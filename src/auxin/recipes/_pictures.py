"""Pictures of recipes: rows of numbers, lines, and those of a sheet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from auxin.recipes._sheet import Sheet
from auxin.recipes._summary import even
from auxin.records.recipe import Picture, RecipeRow
from auxin.studies.recipe import FinishedPiece, PictureData

MEASURES = {
    "label_entropy.mean": "entropy of the classes' mean label (1: uniform)",
    "label_classes": "auxiliary classes in use",
    "cosine": "cosine of the gradients at the end",
}
"""Measures of a run in words."""
WORDS = MEASURES | {"top3": "top-3 accuracy", "miou": "mIoU"}
"""Metrics and measures as a sentence names them."""
AXES = {
    "top3": "top-3 accuracy",
    "miou": "mean intersection over union",
    "part_iou": "mean intersection over union of parts",
}
"""Metrics as the axis of a picture names them."""


def bars(
    name: str,
    title: str,
    y: str,
    rows: Iterable[tuple[str, float, float | None]],
    x: str = "",
    paper: Sequence[float | None] = (),
) -> PictureData:
    """A row per name, ours and its error; the paper's numbers where there are any."""
    names, ours, error = zip(*rows, strict=True)
    arrays = {"names": np.array(names), "ours": np.array(ours), "error": np.array([e or 0.0 for e in error])}
    if any(number is not None for number in paper):
        arrays["paper"] = np.array([np.nan if number is None else number for number in paper])
    return PictureData(Picture(name=name, kind="bars", title=title, x=x, y=y), arrays)


def lines(
    name: str,
    title: str,
    x: str,
    y: str,
    at: Sequence[Any] | np.ndarray,
    curves: Mapping[str, Any],
    **more: Any,
) -> PictureData:
    """Lines over `at`, a mean over seeds each; `more` are further fields of `Picture`."""
    picture = Picture(name=name, kind="lines", title=title, x=x, y=y, **more)
    return PictureData(picture, {"x": np.asarray(at), **curves})


def pictures(sheet: Sheet, rows: Sequence[RecipeRow], done: Mapping[str, FinishedPiece]) -> list[PictureData]:
    """The sheet's pictures, of what is finished."""
    if sheet.figure.kind == "curves":
        return [drawn for data in sheet.data if (drawn := _curves(sheet, data, done)) is not None]
    return [
        drawn
        for measure in (*sheet.metrics, *sheet.measures)
        for data in sheet.data
        if (drawn := _rows(sheet, measure, data, rows)) is not None
    ]


def row_name(sheet: Sheet, measure: str, data: str, method: str) -> str:
    """The name of a line of the table; with the measure where there are several."""
    several = measure not in sheet.metrics or len(sheet.metrics) > 1
    return " | ".join([*([MEASURES.get(measure, measure)] if several else []), data, method])


def _rows(sheet: Sheet, measure: str, data: str, rows: Sequence[RecipeRow]) -> PictureData | None:
    """A row per method: ours with its error, and the paper's."""
    by_name = {found.name: found for found in rows}
    named = {method: by_name.get(row_name(sheet, measure, data, method)) for method in sheet.methods}
    own = {method: found for method, found in named.items() if found is not None}
    if not own:
        return None
    several = {data: len(sheet.data) > 1, measure: len(sheet.metrics) + len(sheet.measures) > 1}
    name = plain(" ".join(word for word, apart in several.items() if apart)) or "table"
    title = f"{sheet.title}: {data}" if several[data] else sheet.title
    unit = f" ({sheet.unit})" if measure in sheet.metrics else ""
    words = sheet.figure.y or AXES.get(measure, MEASURES.get(measure, measure)) + unit
    shown = [(method, found.ours, found.error) for method, found in own.items()]
    return bars(name, title, words, shown, sheet.figure.x, [found.paper for found in own.values()])


def _curves(sheet: Sheet, data: str, done: Mapping[str, FinishedPiece]) -> PictureData | None:
    """The measure over epochs, a line per method, its mean over seeds."""
    figure = sheet.figure
    factor = sheet.factor if figure.measure == "development" else 1.0
    shown = {
        method: curves
        for method in sheet.methods
        if (
            curves := [
                c for d in done.values() if _of(d, data, method) and (c := d.found.curves.get(figure.measure))
            ]
        )
    }
    if not shown:
        return None
    found = {method: factor * curves for method, curves in even(shown).items()}
    at = np.arange(1, 1 + next(iter(found.values())).shape[1])
    return lines(plain(data), f"{sheet.title}: {data}", figure.x or "epoch", figure.y, at, found)


def _of(piece: FinishedPiece, data: str, method: str) -> bool:
    return (piece.found.settings["data"], piece.found.settings["method"]) == (data, method)


def plain(label: str) -> str:
    """A label as a part of a file's name.

    >>> plain("CIFAR-10 (5%)")
    'cifar-10--5'
    """
    return "".join(c if c.isalnum() else "-" for c in label.lower()).strip("-")
