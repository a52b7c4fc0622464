"""Pictures of a learned rule's evaluation: curves, the generalisation grid, receptive fields, the embedding."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from auxin.reports.rule_table import NAMES, cell_name


def draw(folder: Path) -> list[Path]:
    """Every picture that the folder's result files allow, as PNG; their paths."""
    mpl.use("Agg")
    files = []
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if "curves" not in result:
            continue
        files.append(_curves(result, folder / f"{path.stem}-curves.png"))
        if result.get("grid"):
            files.append(_grid(result, folder / f"{path.stem}-grid.png"))
        arrays = folder / f"{path.stem}-pictures.npz"
        if arrays.is_file():
            files += _arrays(arrays, folder, path.stem)
    return files


def _save(figure: Any, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _curves(result: dict[str, Any], path: Path) -> Path:
    figure, axes = plt.subplots(figsize=(7, 4))
    names, curves = list(result["curves"]), list(result["curves"].values())
    for name, curve in zip(names, curves, strict=True):
        steps = [int(s) for s in curve]
        level = np.array([row["tuned"][0] for row in curve.values()])
        error = np.array([row["tuned"][1] for row in curve.values()])
        (line,) = axes.plot(steps, level, marker="o", markersize=3, label=f"rule {name}")
        axes.fill_between(steps, level - error, level + error, alpha=0.2, color=line.get_color())
    styles = ("--", "-.", ":", (0, (1, 4)), (0, (5, 5)))
    for name, style in zip(("raw", "pca", "kmeans", "autoencoder", "supervised"), styles, strict=True):
        if name in result["rows"]:
            axes.axhline(result["rows"][name]["tuned"][0], linestyle=style, color="grey", label=NAMES[name])
    axes.axvline(result["judged_at"], color="lightgrey", linewidth=1, label="longest life in meta-training")
    axes.set(xlabel="unsupervised steps", ylabel="accuracy (tuned read-out)", title=result["data"])
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return _save(figure, path)


def _grid(result: dict[str, Any], path: Path) -> Path:
    cells = [c for c in result["grid"] if c["part"] == "network"]
    others = [c for c in result["grid"] if c["part"] != "network"]
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 3.8), width_ratios=(1, 1, 1.3), layout="constrained", squeeze=True
    )
    image: Any = None
    for panel, key in zip(axes[:2], ("before", "after"), strict=True):
        image = _heat(panel, cells, key)
    axes[0].set_ylabel("weight matrices")
    figure.colorbar(image, ax=list(axes[:2]), label="accuracy", shrink=0.9)
    _bars(axes[2], others)
    figure.suptitle(f"{result['data']}: networks that the rule was not meta-trained on", fontsize=11)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _heat(panel: Any, cells: list[dict[str, Any]], key: str) -> Any:
    """Depth by width; a network of one matrix has no hidden width and fills its row."""
    depths, widths = (sorted({c[axis] for c in cells}) for axis in ("depth", "width"))
    table = np.full((len(depths), len(widths)), np.nan)
    for c in cells:
        place = slice(None) if c["depth"] == 1 else widths.index(c["width"])
        table[depths.index(c["depth"]), place] = c[key]
    image = panel.imshow(table, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    for (i, j), value in np.ndenumerate(table):
        if np.isfinite(value):
            color = "white" if value < 0.6 else "black"
            panel.text(j, i, f"{value:.2f}", ha="center", va="center", color=color, fontsize=9)
    panel.set(xticks=range(len(widths)), xticklabels=widths, xlabel="hidden width")
    panel.set(yticks=range(len(depths)), yticklabels=depths, title=f"{key} the rule")
    return image


def _bars(panel: Any, cells: list[dict[str, Any]]) -> None:
    """Before and after, for the parts of the grid that are no network shapes."""
    place = np.arange(len(cells))[::-1]
    panel.barh(place + 0.2, [c["before"] for c in cells], 0.38, color="lightgrey", label="before")
    panel.barh(place - 0.2, [c["after"] for c in cells], 0.38, color="tab:green", label="after")
    panel.set(yticks=place, yticklabels=[cell_name(c) for c in cells], xlim=(0, 1), xlabel="accuracy")
    panel.legend(fontsize=8, loc="lower right")
    panel.set_title("other changes")


def _arrays(arrays: Path, folder: Path, stem: str) -> list[Path]:
    with np.load(arrays, allow_pickle=False) as file:
        found = {key: file[key] for key in file.files}
    files = [_embedding(found, folder / f"{stem}-embedding.png")]
    side = round(found["fields_after"].shape[1] ** 0.5)
    if side * side == found["fields_after"].shape[1]:
        files.append(_fields(found, side, folder / f"{stem}-fields.png"))
    return files


def _embedding(found: dict[str, np.ndarray], path: Path) -> Path:
    figure, axes = plt.subplots(1, 2, figsize=(9, 4))
    classes = np.unique(found["y"])
    colors = plt.get_cmap("tab10" if len(classes) <= 10 else "tab20")
    for panel, key in zip(axes, ("before", "after"), strict=True):
        points = found[f"embedding_{key}"]
        for k, label in enumerate(classes):
            rows = found["y"] == label
            panel.scatter(points[rows, 0], points[rows, 1], color=colors(k % colors.N), s=7, label=str(label))
        panel.set(title=f"{key} the rule", xticks=[], yticks=[])
        panel.set(xlabel="first principal axis of the features", ylabel="second")
    if len(classes) <= 10:
        axes[1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=2, frameon=False)
    return _save(figure, path)


def _fields(found: dict[str, np.ndarray], side: int, path: Path) -> Path:
    figure, axes = plt.subplots(4, 17, figsize=(10, 2.6))
    for k, panel in enumerate(axes.flat):
        row, column = divmod(k, 17)
        panel.axis("off")
        if column == 8:
            continue
        key, place = ("before", column) if column < 8 else ("after", column - 9)
        number = row * 8 + place
        fields = found[f"fields_{key}"]
        if number < len(fields):
            limit = abs(fields[number]).max() or 1.0
            panel.imshow(fields[number].reshape(side, side), cmap="RdBu", vmin=-limit, vmax=limit)
    figure.suptitle("receptive fields of the first layer: before (left), after (right)", fontsize=9)
    return _save(figure, path)
