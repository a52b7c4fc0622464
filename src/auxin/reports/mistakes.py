"""What a method gets wrong: confusion matrices, the most frequent mistakes, true against predicted numbers."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from auxin.reports import evidence
from auxin.reports._style import GRID, INK, MUTED, PALETTE, PAPER, SINGLE, panel, styled
from auxin.reports.read import Results
from auxin.runs.predictions import MainPredictions

LARGEST, NUMBERED = 24, 12
"""Classes that a matrix may have, and those up to which shares are written into its cells."""
POINTS = 400
"""Rows in a picture of true against predicted numbers."""


@dataclass(frozen=True)
class Mistake:
    """How often rows of one class are taken for another, by method, in percent of the class."""

    true: str
    predicted: str
    shares: dict[str, float]


def figures(results: Results) -> dict[str, Figure]:
    """A confusion matrix, or true against predicted numbers, per pictured method; by file name."""
    found = {}
    for method in evidence.pictured(results):
        runs = evidence.predictions(results, method)
        if not runs:
            continue
        if runs[0].kind == "numbers" and runs[0].true.shape[1] == 1:
            found[f"fit_{method}"] = _numbers(method, runs[0])
        elif 0 < len(runs[0].table) <= LARGEST:
            found[f"confusion_{method}"] = _matrix(method, runs)
    return found


def shares(runs: list[MainPredictions]) -> NDArray[np.float64]:
    """Of each true class (row) the share that is predicted as each class, over all seeds' rows, [C, C]."""
    table = np.sum([run.table for run in runs], axis=0).astype(float)
    total = table.sum(axis=1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


def most_frequent(results: Results, count: int = 8) -> list[Mistake]:
    """The mistakes that the pictured methods make most often, the most frequent of any of them first."""
    tables: dict[str, NDArray] = {}
    names: tuple[str, ...] = ()
    for method in evidence.pictured(results):
        runs = evidence.predictions(results, method)
        if runs and len(runs[0].table) > 1:
            tables[method], names = shares(runs), runs[0].names
    if not tables:
        return []
    worst = np.max([*tables.values()], axis=0)
    np.fill_diagonal(worst, 0)
    names = names or tuple(map(str, range(len(worst))))
    order = np.argsort(-worst, axis=None, kind="stable")[:count]
    pairs = [divmod(int(at), len(worst)) for at in order if worst.flat[at] > 0]
    return [
        Mistake(str(names[i]), str(names[j]), {m: 100 * float(table[i, j]) for m, table in tables.items()})
        for i, j in pairs
    ]


@styled
def _matrix(method: str, runs: list[MainPredictions]) -> Figure:
    table = shares(runs)
    size = len(table)
    width, height = (3.7, 3.6) if size <= NUMBERED else (4.8, 4.4)  # the page shows three side by side
    drawn, axes = panel(
        f"Confusion of {evidence.short(method, 24)}", "predicted", "true", width=width, height=height
    )
    for i, j in zip(*np.nonzero(table > 0.004), strict=True):
        colour = PALETTE[0] if i == j else PALETTE[1]
        alpha = 0.12 + 0.78 * float(table[i, j]) ** 0.7
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=colour, alpha=alpha, linewidth=0))
        if size <= NUMBERED:
            text = f"{100 * table[i, j]:.0f}"
            ink = PAPER if i == j and alpha > 0.5 else INK
            axes.text(j, i, text, ha="center", va="center", size=7.5, color=ink)
    _class_axes(axes, runs[0], size)
    return drawn


def _class_axes(axes: Axes, run: MainPredictions, size: int) -> None:
    names = [evidence.short(name, 12) for name in (run.names or range(size))]
    longest = max(map(len, names))
    axes.set_xticks(range(size), names, rotation=0 if longest * size <= 40 else 90)
    axes.set_yticks(range(size), names)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
    axes.tick_params(length=0, labelsize=8 if size <= NUMBERED else 6.5)
    axes.grid(visible=False)
    axes.xaxis.set_minor_locator(NullLocator())
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)


@styled
def _numbers(method: str, run: MainPredictions) -> Figure:
    """True against predicted values of the first seed's rows."""
    true, said = run.true[:POINTS, 0].astype(float), run.predicted[:POINTS, 0].astype(float)
    known = np.isfinite(true) & np.isfinite(said)
    true, said = true[known], said[known]
    title = f"Predictions of {evidence.short(method, 24)}"
    drawn, axes = panel(title, "true value", "predicted value", width=3.8, height=3.3)
    ends = (
        [float(min(true.min(), said.min())), float(max(true.max(), said.max()))] if true.size else [0.0, 1.0]
    )
    axes.plot(ends, ends, color=MUTED, linewidth=1)
    colour = SINGLE if method == "single" else PALETTE[0]
    axes.scatter(true, said, s=13, color=colour, alpha=0.5, linewidths=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    return drawn
