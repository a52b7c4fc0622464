"""Measures of the learning signal over epochs: task weights and gradient cosines, by method and task."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from auxin.reports._lines import DASHES, Curve, curve, finished, line, make_room, measure, names, words
from auxin.reports._style import GREY, MUTED, PALETTE, looks, panel, panels, styled
from auxin.reports.read import Results

MANY = 10
"""Lines of measures that one panel can show."""


@styled
def measures(results: Results, prefix: str, title: str, unit: str, *, varying: bool = False) -> Figure | None:
    """Measures whose name begins with `prefix`, over epochs; where lines are many, a panel for each method.

    With `varying`, only those of methods some of whose measures change: flat lines say nothing and hide the others.
    """
    found, look = names(results.runs, prefix), looks(results.comparison)
    lines = {
        (method, name): drawn
        for method in look
        for name in found
        if (drawn := curve(results.of(method), measure(name))) is not None
    }
    if varying:
        moving = {method for (method, _), drawn in lines.items() if np.ptp(drawn.mean) > 1e-6}
        lines = {(method, name): drawn for (method, name), drawn in lines.items() if method in moving}
    if not lines:
        return None
    methods = list(dict.fromkeys(method for method, _ in lines))
    if len(methods) > 1 and len(found) > 1 and len(lines) > MANY:
        return _panel_per_method(lines, methods, prefix, title, unit)
    one = len(methods) == 1
    drawn, axes = panel(f"{title} ({methods[0]})" if one else title, "epoch", unit)
    axes.axhline(0, color=MUTED, linewidth=1)
    coloured = _coloured(lines) if one else found
    for (method, name), mean in lines.items():
        turn, task = found.index(name), words(name.removeprefix(prefix))
        label = task if one else f"{method}: {task}" if len(found) > 1 else method
        colour = _colour(name, coloured) if one else look[method].colour
        label = label if name in coloured else "_"
        dash = "-" if one else look[method].dash if len(found) == 1 else DASHES[turn % len(DASHES)]
        line(axes, mean, 1.0, label=label, colour=colour, dash=dash)
    if one and len(coloured) < len(found):
        axes.plot([], [], color=GREY, label=f"{len(found) - len(coloured)} others")
    return finished(drawn, axes)


def _panel_per_method(
    lines: Mapping[tuple[str, str], Curve], methods: Sequence[str], prefix: str, title: str, unit: str
) -> Figure:
    """One colour per task; where tasks are more than colours, those that weigh most, and the others in grey."""
    coloured = _coloured(lines)
    others = {name for _, name in lines} - set(coloured)
    drawn, grid = panels(methods, title, "epoch", unit, shared=prefix == "cosine.")
    for method, axes in zip(methods, grid, strict=True):
        axes.axhline(0, color=MUTED, linewidth=1)
        for name in [*others, *coloured]:
            if (method, name) in lines:
                line(axes, lines[method, name], 1.0, label="_", colour=_colour(name, coloured), dash="-")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    labels = {words(name.removeprefix(prefix)): _colour(name, coloured) for name in coloured}
    labels |= {f"{len(others)} others": GREY} if others else {}
    handles = [Line2D([], [], color=colour, linewidth=1.8) for colour in labels.values()]
    columns = max(1, min(len(labels), int(drawn.get_figwidth() * 13) // (max(map(len, labels)) + 8)))
    make_room(drawn, len(labels), columns, free=1)
    drawn.legend(handles, [*labels], loc="outside lower center", ncols=columns, handlelength=1.6)
    return drawn


def _coloured(lines: Mapping[tuple[str, str], Curve]) -> list[str]:
    """The names that get a colour, sorted: all, or where they are more than colours those with the largest ends."""
    ends: dict[str, float] = {}
    for (method, name), mean in lines.items():
        ends[name] = ends.get(name, 0.0) + abs(float(mean.mean[-1])) / _largest_end(lines, method)
    if len(ends) <= len(PALETTE):
        return sorted(ends)
    return sorted(sorted(ends, key=lambda name: -ends[name])[: len(PALETTE) - 1])


def _largest_end(lines: Mapping[tuple[str, str], Curve], method: str) -> float:
    return max(abs(float(mean.mean[-1])) for (m, _), mean in lines.items() if m == method) or 1.0


def _colour(name: str, coloured: Sequence[str]) -> str:
    return PALETTE[coloured.index(name)] if name in coloured else GREY
