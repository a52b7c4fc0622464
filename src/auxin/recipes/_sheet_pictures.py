"""The pictures of a sheet: a row per method for each measure and data set, or a measure's curves over epochs."""

from collections.abc import Mapping, Sequence

import numpy as np

from auxin.recipes._sheet import Sheet
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


def pictures(
    sheet: Sheet, lines: Sequence[RecipeRow], done: Mapping[str, FinishedPiece]
) -> list[PictureData]:
    """The sheet's pictures, of what is finished."""
    if sheet.figure.kind == "curves":
        return [drawn for data in sheet.data if (drawn := _curves(sheet, data, done)) is not None]
    return [
        drawn
        for measure in (*sheet.metrics, *sheet.measures)
        for data in sheet.data
        if (drawn := _rows(sheet, measure, data, lines)) is not None
    ]


def row_name(sheet: Sheet, measure: str, data: str, method: str) -> str:
    """The name of a line of the table; with the measure where there are several."""
    several = measure not in sheet.metrics or len(sheet.metrics) > 1
    return " | ".join([*([MEASURES.get(measure, measure)] if several else []), data, method])


def _rows(sheet: Sheet, measure: str, data: str, lines: Sequence[RecipeRow]) -> PictureData | None:
    """A row per method: ours with its error, and the paper's."""
    by_name = {found.name: found for found in lines}
    named = {method: by_name.get(row_name(sheet, measure, data, method)) for method in sheet.methods}
    own = {method: found for method, found in named.items() if found is not None}
    if not own:
        return None
    arrays = {
        "names": np.array(list(own)),
        "ours": np.array([found.ours for found in own.values()]),
        "error": np.array([found.error or 0.0 for found in own.values()]),
    }
    if any(found.paper is not None for found in own.values()):
        arrays["paper"] = np.array([np.nan if f.paper is None else f.paper for f in own.values()])
    several = {data: len(sheet.data) > 1, measure: len(sheet.metrics) + len(sheet.measures) > 1}
    name = plain(" ".join(word for word, apart in several.items() if apart)) or "table"
    title = f"{sheet.title}: {data}" if several[data] else sheet.title
    unit = f" ({sheet.unit})" if measure in sheet.metrics else ""
    words = sheet.figure.y or AXES.get(measure, MEASURES.get(measure, measure)) + unit
    return PictureData(Picture(name=name, kind="bars", title=title, x=sheet.figure.x, y=words), arrays)


def _curves(sheet: Sheet, data: str, done: Mapping[str, FinishedPiece]) -> PictureData | None:
    """The measure over epochs, a line per method, its mean over seeds."""
    figure, lines = sheet.figure, dict[str, np.ndarray]()
    factor = sheet.factor if figure.measure == "development" else 1.0
    for method in sheet.methods:
        curves = [c for d in of_cell(done, data, method) if (c := d.found.curves.get(figure.measure))]
        if curves:
            length = min(map(len, curves))
            lines[method] = factor * np.array([c[:length] for c in curves])
    if not lines:
        return None
    shortest = min(v.shape[1] for v in lines.values())
    arrays = {"x": np.arange(1, shortest + 1), **{n: v[:, :shortest] for n, v in lines.items()}}
    title = f"{sheet.title}: {data}"
    picture = Picture(name=plain(data), kind="lines", title=title, x=figure.x or "epoch", y=figure.y)
    return PictureData(picture, arrays)


def of_cell(done: Mapping[str, FinishedPiece], data: str, method: str) -> list[FinishedPiece]:
    """The finished pieces of a data set and a method."""
    return [
        d for d in done.values() if (d.found.settings["data"], d.found.settings["method"]) == (data, method)
    ]


def plain(label: str) -> str:
    """A label as a part of a file's name.

    >>> plain("CIFAR-10 (5%)")
    'cifar-10--5'
    """
    return "".join(c if c.isalnum() else "-" for c in label.lower()).strip("-")
