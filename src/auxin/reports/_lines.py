"""Lines over epochs, and the figure around them, that several figures share."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from auxin.reports._series import Curve

DASHES = ("-", (0, (4, 1.6)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
"""Dashes to tell lines of one colour apart."""


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
