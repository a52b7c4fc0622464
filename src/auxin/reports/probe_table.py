"""A probe's ranking for the terminal, and as a figure; read from its result file."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from auxin.records.probe import Probe, RankedCandidate
from auxin.reports._style import INK, MUTED, PALETTE, SINGLE, panel, styled
from auxin.reports.plots import rendered
from auxin.store import write_bytes

COLOURS = {"helps": "green", "hurts": "red", "no evidence": "yellow"}


def terminal(found: Probe) -> RenderableType:
    """The ranking, the damping, and what to make of it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = ("candidate", "", "score [95 %]", "verdict", "gradient similarity [95 %]", "rows")
    for column, justify in zip(columns, ("left", "left", "right", "left", "right", "right"), strict=True):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for row in found.ranking:
        if row.kind == "reference":
            table.add_section()
        word = Text(row.word, style=COLOURS[row.word])
        table.add_row(row.name, row.kind, _score(row), word, _cosine(row), f"{row.rows:,}")
    return Group(*map(Text, [*found.notes, *_words(found)]), table, *map(_warning, found.warnings))


def _words(found: Probe) -> list[str]:
    dampings = ", ".join(f"{value:.3g}" for value in found.dampings)
    over = "the shared parameters" if found.over == "shared" else "the trunk and the main task's head"
    seeds = f"{found.seeds} network" + ("s" if found.seeds > 1 else "")
    return [
        f"{found.dataset}, main task {found.main}: {seeds} trained on it alone; "
        f"{found.splits['train']} rows train, {found.splits['auxiliary'] or found.splits['validation']} are held out.",
        "score = -<grad L_A, (H + lambda I)^-1 grad l>: negative helps. "
        f"H: {found.curvature.replace('_', '-')}, over {over}; lambda {dampings} "
        f"({found.damping_share:g} of H's largest eigenvalue).",
    ]


def _warning(text: str) -> Text:
    return Text(f"Warning: {text}", style="yellow")


def _score(row: RankedCandidate) -> str:
    return f"{row.score:+.3g} [{row.low:+.3g}, {row.high:+.3g}]"


def _cosine(row: RankedCandidate) -> str:
    return f"{row.cosine:+.3f} [{row.cosine_low:+.3f}, {row.cosine_high:+.3f}]"


def draw(found: Probe, folder: Path) -> Path:
    """Write `folder/figures/ranking.png`."""
    path = folder / "figures" / "ranking.png"
    write_bytes(path, rendered(figure(found), "png"))
    return path


@styled
def figure(found: Probe) -> Figure:
    """Every candidate's score with its interval, the most helpful on top."""
    rows = found.ranking
    title = f"Which auxiliary would help {found.main}?"
    drawn, axes = panel(
        title, "score of Proposition 1 (negative helps)", "", width=5.6, height=1.3 + 0.3 * len(rows)
    )
    axes.axvline(0, color=MUTED, linewidth=1)
    for height, row in enumerate(rows):
        colour = SINGLE if row.kind == "reference" else PALETTE[0]
        axes.plot([row.low, row.high], [height, height], color=colour, linewidth=2.2)
        axes.plot([row.score], [height], "o", color=colour, markersize=6)
    axes.set_yticks(np.arange(len(rows)), [row.name for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    return drawn
