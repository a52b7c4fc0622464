"""Curves over epochs from runs, their lines, and the figure around them, that several figures share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from auxin.records.results import EpochRecord, RunResult

DASHES = ("-", (0, (4, 1.6)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
"""Dashes to tell lines of one colour apart."""


Value = Callable[[EpochRecord], float | None]


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over epochs.

    Attributes:
        epochs: [n], where at least one run has a finite value.
        mean: [n], over the runs that have one.
        error: [n], the standard error; zero where there is one run.
    """

    epochs: NDArray[np.float64]
    mean: NDArray[np.float64]
    error: NDArray[np.float64]


def curve(runs: Sequence[RunResult], value: Value) -> Curve | None:
    """The curve of a quantity over these runs, or None where no epoch has it."""
    found: dict[int, list[float]] = {}
    for run in runs:
        for record in run.epochs:
            number = value(record)
            if number is not None and np.isfinite(number):
                found.setdefault(record.epoch, []).append(number)
    if not found:
        return None
    epochs = sorted(found)
    values = [np.array(found[epoch], float) for epoch in epochs]
    error = [float(v.std(ddof=1)) / v.size**0.5 if v.size > 1 else 0.0 for v in values]
    return Curve(np.array(epochs, float), np.array([float(v.mean()) for v in values]), np.array(error))


def measure(name: str) -> Value:
    """A measure by its dotted name."""
    return lambda record: record.measures.get(name)


def names(runs: Sequence[RunResult], prefix: str) -> list[str]:
    """The measures whose name begins so, sorted."""
    found = {name for run in runs for record in run.epochs for name in record.measures}
    return sorted(name for name in found if name.startswith(prefix))


def line(
    axes: Axes, found: Curve, factor: float, *, label: str, colour: str, dash: Any, marker: str = ""
) -> None:
    """A mean over epochs with a band of its standard error."""
    mean, error = found.mean * factor, found.error * abs(factor)
    if error.any():
        axes.fill_between(found.epochs, mean - error, mean + error, color=colour, alpha=0.14, linewidth=0)
    alone = found.epochs.size == 1
    axes.plot(
        found.epochs,
        mean,
        color=colour,
        linestyle=dash,
        label=label,
        marker=marker or "o",
        markevery=[-1],
        markersize=5 if marker or alone else 0,
    )


def finished(figure: Figure, axes: Axes) -> Figure:
    """Whole epochs on the x axis, and the legend below."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
    axes.margins(x=0.02)
    legend_below(figure, axes, free=4)
    return figure


def legend_below(figure: Figure, axes: Axes, *, free: int | None = None) -> None:
    """The legend below, in as many columns as there is room for; the figure grows with rows beyond `free` ones."""
    handles, labels = axes.get_legend_handles_labels()
    columns = max(1, min(len(labels), 62 // (max(map(len, labels), default=0) + 8)))
    if free is not None:
        make_room(figure, len(labels), columns, free=free)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=2.4)


def make_room(figure: Figure, labels: int, columns: int, *, free: int) -> None:
    """Let the figure grow with its legend's rows beyond those that it has room for."""
    rows = -(-labels // columns)
    figure.set_figheight(figure.get_figheight() + 0.18 * max(0, rows - free))


def words(name: str) -> str:
    """A measure's name without its dots."""
    known = {"sample": "per sample", "mean": "class mean"}
    text = name.strip(".").replace("_", " ").replace(".", " ")
    return known.get(text, text)
