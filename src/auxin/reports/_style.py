"""How figures look: colours the colour-blind can tell apart, quiet axes, one look per method everywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auxin.records.results import Comparison

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F6000")
"""Okabe and Ito's colours, two more at the end; methods take them in turn."""

SINGLE, INK, MUTED, GRID, PAPER = "#4D4D4D", "#1A1A1B", "#6B6B6C", "#DEDEDF", "#FFFFFE"
"""Single-task training; text; secondary text; grid; background. All distinct, so a page can restyle them."""

GREY = "#B9B9BA"
"""What has no colour of its own among many."""

_MARKERS = "osD^vPX*"
_DASHES = ("-", (0, (6, 1.5, 1, 1.5)), (0, (6, 1, 1, 1, 1, 1)))
_CONTROL_DASHES = ((0, (4, 1.6)), (0, (2, 1)), (0, (8, 2)))

SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "auxin",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True, slots=True)
class MethodStyle:
    """How one method is drawn, in every figure alike: colour, dashes and marker say it three times."""

    colour: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str


def looks(comparison: Comparison) -> dict[str, MethodStyle]:
    """Each method's look: single grey and dotted, controls dashed, methods on trial solid."""
    return looks_of([(row.method, row.role) for row in comparison.rows])


def looks_of(methods: Sequence[tuple[str, str]]) -> dict[str, MethodStyle]:
    """The looks of methods with these roles, in this order."""
    found: dict[str, MethodStyle] = {}
    for method, role in methods:
        turn = sum(look.colour != SINGLE for look in found.values())
        if role == "single":
            found[method] = MethodStyle(SINGLE, (0, (1, 1.2)), "o")
            continue
        cycle = turn // len(PALETTE)  # colours come again: other dashes and markers tell the methods apart
        dashes = _CONTROL_DASHES if role == "control" else _DASHES
        marker = _MARKERS[(turn + 3 * cycle) % len(_MARKERS)]
        found[method] = MethodStyle(PALETTE[turn % len(PALETTE)], dashes[cycle % len(dashes)], marker)
    return found


Drawing = TypeVar("Drawing", bound=Callable[..., Any])


def styled(draw: Drawing) -> Drawing:
    """Draw in the style above, whatever style the process has set."""

    @wraps(draw)
    def drawing(*given: Any, **named: Any) -> Any:
        with mpl.rc_context(SETTINGS):
            return draw(*given, **named)

    return cast(Drawing, drawing)


def panel(title: str, x: str, y: str, *, width: float = 4.8, height: float = 3.4) -> tuple[Figure, Axes]:
    """A figure of one panel; sizes in inches.

    Made without pyplot, so nothing is kept open and no display is looked for.
    """
    made = Figure(figsize=(width, height), layout="constrained")
    made.get_layout_engine().set(w_pad=0.07, h_pad=0.05)  # type: ignore[union-attr]
    axes = made.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    return made, axes


def panels(names: Sequence[str], title: str, x: str, y: str, *, shared: bool) -> tuple[Figure, list[Axes]]:
    """A figure with a small panel for each name, at most three in a row; they share the x axis.

    Args:
        names: The panels' own titles.
        title: Title of all of them.
        x: What the x axes hold.
        y: What the y axes hold.
        shared: Whether they share the y axis too.
    """
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    made = Figure(figsize=(0.5 + 2.1 * columns, 0.8 + 1.65 * rows), layout="constrained")
    made.get_layout_engine().set(w_pad=0.05, h_pad=0.05)  # type: ignore[union-attr]
    grid = [*made.subplots(rows, columns, sharex=True, sharey=shared, squeeze=False).flat]
    for axes, name in zip(grid, names, strict=False):
        axes.set_title(name, fontsize=9, fontweight="normal", pad=4)
        axes.tick_params(labelsize=8, labelbottom=True)
    for axes in grid[len(names) :]:
        axes.remove()
    made.suptitle(title, x=0.02, ha="left", fontsize=10.5, fontweight="bold")
    for axes in grid[max(0, len(names) - columns) : len(names)]:
        axes.set_xlabel(x, fontsize=9)
    made.supylabel(y, fontsize=9.5, color=MUTED)
    return made, grid[: len(names)]
