"""The label budget in a figure, a table and words: scores against labels per class, and what a gain is worth."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from auxin.judging import wording
from auxin.reports._lines import legend_below
from auxin.reports._style import looks_of, panel, styled
from auxin.reports.plots import save
from auxin.store import read_json
from auxin.studies.label_budget import NAME, LabelBudget, worth

if TYPE_CHECKING:
    from rich.console import Group


def read_label_budget(folder: Path) -> LabelBudget | None:
    """The label budget of a folder; None where it holds none."""
    file = folder / NAME
    return read_json(file, LabelBudget) if file.exists() else None


@styled
def curves(budget: LabelBudget) -> Figure:
    """The metric against labels per class, one line per method with standard errors."""
    factor = wording.factor(budget.metric)
    half = f"On the {budget.half} rows"
    drawn, axes = panel(half, "labels per class (log scale)", wording.title(budget.metric), height=3.8)
    look = looks_of([(line.method, line.role) for line in budget.lines])
    for line in budget.lines:
        labels = np.array([point.labels for point in line.points], float)
        mean = np.array([point.mean for point in line.points]) * factor
        error = np.array([point.standard_error or 0.0 for point in line.points]) * abs(factor)
        own = look[line.method]
        axes.errorbar(
            labels,
            mean,
            yerr=error,
            color=own.colour,
            linestyle=own.dash,
            marker=own.marker,
            markersize=5,
            capsize=2.5,
            elinewidth=1.2,
            label=line.method,
        )
    axes.set_xscale("log")
    axes.set_xticks(budget.labels, [str(count) for count in budget.labels])
    axes.xaxis.set_minor_locator(NullLocator())
    legend_below(drawn, axes)
    return drawn


def write_curves(budget: LabelBudget, folder: Path, formats: tuple[str, ...] = ("png", "pdf")) -> list[Path]:
    """Write the figure in every format; the files written."""
    return save({"label_budget": curves(budget)}, folder, formats)


def cells(budget: LabelBudget) -> list[list[str]]:
    """The table as text: a heading, then per method its score and what its labels are worth, budget by budget."""
    head = ["method", *(f"{count} labels" for count in budget.labels)]
    rows = []
    for line in budget.lines:
        texts = [wording.mean(p.mean, p.standard_error, budget.metric) for p in line.points]
        rows.append([line.method, *texts])
    return [head, *rows]


def worths(budget: LabelBudget) -> list[list[str]]:
    """What each method's labels are worth in labels of single, budget by budget."""
    lines = [line for line in budget.lines if line.role != "single"]
    return [[line.method, *(worth(point, budget.labels) for point in line.points)] for line in lines]


def worths_of(budget: LabelBudget, count: int) -> dict[str, str]:
    """What `count` labels per class with each method are worth in labels of single; empty for a single budget."""
    if len(budget.labels) < 2:
        return {}
    place = budget.labels.index(count)
    return {method: texts[place] for method, *texts in worths(budget)}


def terminal(budget: LabelBudget) -> "Group":
    """Both tables and the sentence, for rich to print."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head, *rows = cells(budget)
    parts = [(wording.title(budget.metric), rows)]
    if len(budget.labels) > 1:
        parts.append(("worth so many labels per class of single [95 % interval over seeds]", worths(budget)))
    shown = []
    for title, lines in parts:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
        for number, name in enumerate(head):
            table.add_column(name, justify="right" if number else "left")
        for line in lines:
            table.add_row(*line)
        shown.append(table)
    return Group(*shown, Text(budget.sentence, style="bold"))
