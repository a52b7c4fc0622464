"""The final features of development rows in two dimensions, by t-SNE (as MAXL's figure 5)."""

from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from auxin.reports import evidence
from auxin.reports._style import MUTED, PALETTE, panel, styled
from auxin.reports.read import Results

MOST = 16
"""Classes that are told apart by colour and marker; of more, the first are drawn in colour."""
BANDS = 5
"""A real-valued target is shown in so many bands of equally many rows."""


def figures(results: Results) -> dict[str, Figure]:
    """One figure per pictured method whose features were kept, by file name."""
    found = {}
    for method in evidence.pictured(results):
        arrays = evidence.arrays_of(results, method, evidence.FEATURES)
        if arrays is not None and len(arrays["features"]) >= 10:
            found[f"features_{method}"] = _scatter(method, arrays)
    return found


@styled
def _scatter(method: str, arrays: dict[str, NDArray]) -> Figure:
    place = _embedded(arrays["features"].astype(np.float32).tobytes(), arrays["features"].shape)
    drawn, axes = panel(f"Features of {evidence.short(method, 24)}", "", "", width=3.7, height=3.6)
    labels = arrays["labels"]
    if np.issubdtype(labels.dtype, np.integer):
        _classes(axes, place, labels, evidence.names_of(arrays, int(labels.max(initial=0)) + 1))
    else:
        _values(axes, place, labels)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    handles, texts = axes.get_legend_handles_labels()
    columns = max(1, min(6, 38 // (max(map(len, texts), default=0) + 4)))
    order = sorted(range(len(texts)), key=lambda at: (at % columns, at))  # legends fill columns first
    handles, texts = [handles[at] for at in order], [texts[at] for at in order]
    drawn.legend(
        handles,
        texts,
        loc="outside lower center",
        ncols=columns,
        handletextpad=0.1,
        columnspacing=1,
        markerscale=1.6,
    )
    return drawn


def _classes(axes: Axes, place: NDArray, labels: NDArray, names: list[str]) -> None:
    present = [label for label in range(len(names)) if (labels == label).any()]
    rest = np.isin(labels, present[MOST:])
    if rest.any():
        axes.scatter(*place[rest].T, s=9, color=MUTED, alpha=0.25, linewidths=0, label="other classes")
    for turn, label in enumerate(present[:MOST]):
        marker = "o" if turn < len(PALETTE) else "^"
        chosen = place[labels == label].T
        colour = PALETTE[turn % len(PALETTE)]
        axes.scatter(*chosen, s=14, color=colour, marker=marker, alpha=0.8, linewidths=0, label=names[label])


def _values(axes: Axes, place: NDArray, values: NDArray) -> None:
    known = np.isfinite(values)
    ends = np.quantile(values[known], np.linspace(0, 1, BANDS + 1))
    band = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, BANDS - 1)
    for number in range(BANDS):
        chosen = place[known & (band == number)].T
        label = f"{ends[number]:.3g} to {ends[number + 1]:.3g}"
        alpha = 0.15 + 0.8 * number / (BANDS - 1)
        axes.scatter(*chosen, s=14, color=PALETTE[0], alpha=alpha, linewidths=0, label=label)


@lru_cache(maxsize=16)
def _embedded(content: bytes, shape: tuple[int, int]) -> NDArray[np.float64]:
    """t-SNE of the rows, standardised, [N, 2]; the same rows give the same picture."""
    from sklearn.manifold import TSNE

    rows = np.frombuffer(content, np.float32).reshape(shape).astype(np.float64)
    rows = rows[:, rows.std(axis=0) > 1e-9]
    if rows.shape[1] == 0:
        return np.zeros((shape[0], 2))
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    start = "pca" if min(rows.shape) > 2 else "random"
    found = TSNE(perplexity=min(30.0, (len(rows) - 1) / 3), init=start, random_state=0).fit_transform(rows)
    return np.asarray(found, np.float64)
