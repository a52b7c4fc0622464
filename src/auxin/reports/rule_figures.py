"""Pictures of a learned rule's evaluation: curves, the generalisation grid, receptive fields, the embedding."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def draw(folder: Path) -> list[Path]:
    """Every picture that the folder's result files allow, as PNG; their paths."""
    import matplotlib as mpl

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
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _curves(result: dict[str, Any], path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    for name, curve in result["curves"].items():
        steps = [int(s) for s in curve]
        level = np.array([row["tuned"][0] for row in curve.values()])
        error = np.array([row["tuned"][1] for row in curve.values()])
        (line,) = axes.plot(steps, level, marker="o", markersize=3, label=f"rule {name}")
        axes.fill_between(steps, level - error, level + error, alpha=0.2, color=line.get_color())
    shown = ("raw", "pca", "kmeans", "autoencoder", "supervised")
    for name, style in zip(shown, ("--", "-.", ":", (0, (1, 4)), (0, (5, 5))), strict=True):
        if name in result["rows"]:
            axes.axhline(result["rows"][name]["tuned"][0], linestyle=style, color="grey", label=name)
    axes.axvline(result["judged_at"], color="lightgrey", linewidth=1)
    axes.set(xlabel="unsupervised steps", ylabel="accuracy", title=result["data"])
    axes.legend(fontsize=7)
    return _save(figure, path)


def _grid(result: dict[str, Any], path: Path) -> Path:
    import matplotlib.pyplot as plt

    cells = [c for c in result["grid"] if c["activation"] == "relu"]
    depths, widths = (sorted({c[key] for c in cells}) for key in ("depth", "width"))
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.5), sharey=True)
    for panel, key in zip(axes, ("before", "after"), strict=True):
        table = np.full((len(depths), len(widths)), np.nan)
        for c in cells:
            table[depths.index(c["depth"]), widths.index(c["width"])] = c[key]
        image = panel.imshow(table, vmin=0, vmax=1, cmap="viridis")
        for (i, j), value in np.ndenumerate(table):
            if np.isfinite(value):
                panel.text(j, i, f"{value:.2f}", ha="center", va="center", color="white", fontsize=8)
        panel.set(xticks=range(len(widths)), xticklabels=widths, xlabel="hidden width", title=key)
        panel.set(yticks=range(len(depths)), yticklabels=depths)
    axes[0].set_ylabel("weight matrices")
    figure.colorbar(image, ax=axes)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _arrays(arrays: Path, folder: Path, stem: str) -> list[Path]:
    with np.load(arrays, allow_pickle=False) as file:
        found = {key: file[key] for key in file.files}
    files = [_embedding(found, folder / f"{stem}-embedding.png")]
    side = round(found["fields_after"].shape[1] ** 0.5)
    if side * side == found["fields_after"].shape[1]:
        files.append(_fields(found, side, folder / f"{stem}-fields.png"))
    return files


def _embedding(found: dict[str, np.ndarray], path: Path) -> Path:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 4))
    for panel, key in zip(axes, ("before", "after"), strict=True):
        points = found[f"embedding_{key}"]
        panel.scatter(points[:, 0], points[:, 1], c=found["y"], cmap="tab10", s=6)
        panel.set(title=key, xticks=[], yticks=[])
    return _save(figure, path)


def _fields(found: dict[str, np.ndarray], side: int, path: Path) -> Path:
    import matplotlib.pyplot as plt

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
