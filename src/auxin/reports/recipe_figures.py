"""The pictures of a recipe, drawn from its result file and `pictures/*.npz`, one PNG each.

| kind | arrays |
| --- | --- |
| lines | `x` [n]; every other one a line, [n] or [seeds, n] |
| scatter | `x`, `y` [n]; perhaps `error` [n], `labels` (text) [n] |
| bars | a row per name: `names` (text) [n]; `ours`, `error`, perhaps `paper` [n] |
| landscape | `extent` [4]; `loss.*` [h, w]; perhaps `point.*` [2] and `path` [n, 2] |
| loss_images | every array a column of pictures, [n, h, w] (NaN where unknown) or [n, h, w, 3] |
| points | `points.*` [n, 2], a panel each; perhaps `groups.*` (classes) [n] and `images.*` [n, h, w, 3] |
"""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator

from auxin.records.recipe import Picture, RecipeRecord
from auxin.reports._style import GRID, INK, MUTED, PALETTE, PAPER, SINGLE, panel, styled
from auxin.reports.plots import rendered
from auxin.store import read_json, write_bytes

Arrays = Mapping[str, np.ndarray]
FEW_POINTS = 12
"""Up to this many points of a line each has a marker; a single point would not be seen without."""


def draw(folder: Path) -> list[Path]:
    """Draw every picture of the result in this folder; the files written.

    Raises:
        RunError: The folder holds no result, or cannot be written to.
    """
    files = []
    for picture in read_json(folder / "result.json", RecipeRecord).pictures:
        with np.load(folder / "pictures" / f"{picture.name}.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        path = folder / "figures" / f"{picture.name}.png"
        write_bytes(path, rendered(figure(picture, arrays), "png"))
        files.append(path)
    return files


@styled
def figure(picture: Picture, arrays: Arrays) -> Figure:
    """One picture."""
    kinds: dict[str, Callable[[Picture, Arrays], Figure]] = {
        "lines": _lines,
        "scatter": _scatter,
        "bars": _bars,
        "landscape": _landscape,
        "loss_images": _loss_images,
        "points": _points,
    }
    figure = kinds[picture.kind](picture, arrays)
    figure.suptitle(
        textwrap.fill(picture.title, int(10.5 * figure.get_figwidth())),
        x=0.01,
        ha="left",
        size=10.5,
        weight="bold",
    )
    return figure


def _lines(picture: Picture, arrays: Arrays) -> Figure:
    figure, axes = panel("", picture.x, picture.y, width=5.6)
    dashes = ("-", (0, (5, 1.8)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
    names = [name for name in arrays if name != "x"]
    marks = {"marker": "o", "markersize": 3.5} if len(arrays["x"]) <= FEW_POINTS else {}
    for turn, name in enumerate(names):
        values = np.atleast_2d(arrays[name])
        mean = values.mean(0)
        colour, dash = PALETTE[turn % len(PALETTE)], dashes[turn // len(PALETTE) % len(dashes)]
        if len(values) > 1:
            error = values.std(0, ddof=1) / len(values) ** 0.5
            axes.fill_between(arrays["x"], mean - error, mean + error, color=colour, alpha=0.16, linewidth=0)
        label = picture.words.get(name, name)
        axes.plot(arrays["x"], mean, color=colour, linestyle=dash, label=label, **marks)
    axes.margins(x=0.02)
    if picture.log_x:
        axes.set_xscale("log")
        axes.set_xticks(arrays["x"], [f"{x:,g}" for x in arrays["x"]])
        axes.minorticks_off()
    elif (arrays["x"] == arrays["x"].round()).all():
        axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
    _legend(figure)
    return figure


def _legend(figure: Figure) -> None:
    """What stands in any panel, below all of them, over nothing."""
    named = [pair for axes in figure.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles = {str(label): handle for handle, label in named}
    if len(handles) > 1:
        room = int(11.8 * figure.get_figwidth())
        columns = max(1, min(len(handles), room // (max(map(len, handles)) + 7)))
        look = {"loc": "outside lower center", "ncols": columns, "handlelength": 2.2}
        figure.legend(list(handles.values()), list(handles), **look)


def _scatter(picture: Picture, arrays: Arrays) -> Figure:
    labelled = "labels" in arrays
    figure, axes = panel("", picture.x, picture.y, width=6.4 if labelled else 5.6, height=4.2)
    x, y = arrays["x"], arrays["y"]
    look = {"color": PALETTE[0], "linestyle": "none", "marker": "o", "markersize": 4.5}
    if "error" in arrays:
        axes.errorbar(x, y, arrays["error"], arrays.get("error_x"), ecolor="#B9C9D6", elinewidth=1, **look)
    else:
        axes.plot(x, y, **look)
    if "y" in picture.words:
        axes.annotate(
            picture.words["y"], (0.99, 0.97), xycoords="axes fraction", ha="right", color=MUTED, size=8
        )
    if labelled:
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.axvline(0, color=MUTED, linewidth=0.8)
        _label_points(axes, x, y, arrays["labels"])
    return figure


def _label_points(axes: Axes, x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> None:
    """Each point's name beside it, on the side where its neighbours are not."""
    axes.margins(x=0.16, y=0.1)
    middle = np.median(x)
    for a, b, text in zip(x, y, labels, strict=True):
        side = 1 if a <= middle else -1
        place = {
            "xytext": (6 * side, 4),
            "textcoords": "offset points",
            "ha": "left" if side > 0 else "right",
        }
        axes.annotate(str(text), (a, b), size=7.5, color=INK, **place)


def _bars(picture: Picture, arrays: Arrays) -> Figure:
    """A row per name: ours with its error, and the paper's; the axis need not begin at zero."""
    names = [textwrap.fill(str(name), 34) for name in arrays["names"]]
    lines = sum(name.count("\n") + 1 for name in names)
    figure, axes = panel("", picture.y, picture.x, width=6.4, height=1.3 + 0.24 * lines)
    place = np.arange(len(names))
    look = {"color": PALETTE[0], "linestyle": "none", "marker": "o", "markersize": 5}
    axes.errorbar(arrays["ours"], place, xerr=arrays.get("error"), elinewidth=1.2, label="ours", **look)
    if "paper" in arrays:
        axes.plot(
            arrays["paper"], place, color=SINGLE, linestyle="none", marker="D", markersize=4, label="paper"
        )
    axes.set_yticks(place, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.margins(x=0.08)
    _legend(figure)
    return figure


def _landscape(picture: Picture, arrays: Arrays) -> Figure:
    grids = {name: arrays[name] for name in arrays if name.startswith("loss.")}
    figure = Figure(figsize=(3.1 * len(grids), 3.7), layout="constrained")
    extent = tuple(arrays["extent"])
    panels = np.atleast_1d(figure.subplots(1, len(grids), sharey=True))
    for axes, (name, grid) in zip(panels, grids.items(), strict=True):
        across = np.linspace(extent[0], extent[1], grid.shape[1])
        up = np.linspace(extent[2], extent[3], grid.shape[0])
        levels = np.quantile(grid, np.linspace(0, 1, 15))
        axes.contourf(across, up, grid, levels=np.unique(levels), cmap="Blues")
        low = np.unravel_index(grid.argmin(), grid.shape)
        axes.plot(across[low[1]], up[low[0]], "x", color=PALETTE[1], markersize=8, label="minimum")
        _landmarks(axes, arrays, path=name == list(grids)[-1])
        axes.set(title=picture.words.get(name, name), xlabel=picture.x)
        axes.grid(visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    panels[0].set_ylabel(picture.y)
    _legend(figure)
    return figure


def _landmarks(axes: Axes, arrays: Arrays, path: bool) -> None:
    if path and "path" in arrays:
        axes.plot(*arrays["path"].T, color=PALETTE[4], linewidth=1.6, label="path of W")
    points = [name for name in arrays if name.startswith("point.")]
    for name, marker in zip(points, "*os^", strict=False):
        look = {"markersize": 11 if marker == "*" else 6.5, "markeredgecolor": PAPER, "linestyle": "none"}
        label = name.removeprefix("point.").replace("w train", "w_train")
        axes.plot(*arrays[name], marker=marker, color=INK, label=label, **look)


def _loss_images(picture: Picture, arrays: Arrays) -> Figure:
    first = next(iter(arrays.values()))
    rows, columns, ratio = len(first), len(arrays), first.shape[1] / first.shape[2]
    figure = Figure(figsize=(2.05 * columns, 2.05 * ratio * rows + 1.1), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0)  # type: ignore[union-attr]
    panels = figure.subplots(rows + 1, columns, height_ratios=[*[1.0] * rows, 0.06], squeeze=False)
    for j, (name, images) in enumerate(arrays.items()):
        look = _image_look(name, images)
        shown = [panels[i, j].imshow(images[i], **look) for i in range(rows)]
        panels[0, j].set_title(picture.words.get(name, name), loc="center", size=9, weight="normal")
        if look.get("cmap") == "viridis":
            bar = figure.colorbar(shown[0], cax=panels[rows, j], orientation="horizontal")
            bar.ax.tick_params(labelsize=7.5)
            bar.ax.ticklabel_format(axis="x", useOffset=False)
            bar.outline.set_visible(False)  # type: ignore[operator]
        else:
            panels[rows, j].axis("off")
    for axes in panels[:rows].flat:
        axes.set(xticks=[], yticks=[], facecolor=GRID)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    return figure


def _image_look(name: str, images: np.ndarray) -> dict[str, Any]:
    """Colours as they are, classes in colours of their own, numbers from their 1st to their 99th percentile."""
    if images.ndim == 4:
        return {}
    if name.startswith("labels"):
        return {"cmap": "tab20", "vmin": 0.0, "vmax": 19.0, "interpolation": "nearest"}
    low, high = np.nanquantile(images, [0.01, 0.99])
    return {"cmap": "viridis", "vmin": float(low), "vmax": float(max(high, low + 1e-3 * max(1.0, abs(low))))}


def _points(picture: Picture, arrays: Arrays) -> Figure:
    names = [name.removeprefix("points.") for name in arrays if name.startswith("points.")]
    figure = Figure(figsize=(5.2 * len(names), 5.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(names)))
    classes = {
        name: arrays.get(f"groups.{name}", np.zeros(len(arrays[f"points.{name}"]), int)) for name in names
    }
    for axes, name in zip(panels, names, strict=True):
        points = arrays[f"points.{name}"]
        for group in np.unique(np.concatenate(list(classes.values()))).astype(int):
            turn, number = divmod(group, len(PALETTE))  # colours come again, with another marker
            look = {"color": PALETTE[number], "marker": "o^sD"[turn % 4], "label": f"class {group}"}
            axes.scatter(*points[classes[name] == group].T, s=11, alpha=0.6, linewidths=0, **look)
        if f"images.{name}" in arrays:
            _thumbnails(axes, points, arrays[f"images.{name}"])
        axes.set(
            title=picture.words.get(name, name), xlabel=picture.x, ylabel=picture.y, xticks=[], yticks=[]
        )
        axes.margins(0.06)
    _legend(figure)
    return figure


def _thumbnails(axes: Axes, points: np.ndarray, images: np.ndarray, apart: float = 0.085) -> None:
    """The samples' images where there is room: none nearer to another than `apart` of the panel's side."""
    side = np.ptp(points, axis=0).max() or 1.0
    shown: list[np.ndarray] = []
    for point, image in zip(points, images, strict=True):
        if all(np.abs(point - other).max() > apart * side for other in shown):
            shown.append(point)
            picture = OffsetImage(image, zoom=26 / image.shape[0], interpolation="bilinear")
            axes.add_artist(AnnotationBbox(picture, tuple(point), frameon=False, pad=0))
