"""The table of a comparison: in the terminal, as Markdown, as LaTeX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auxin.experiments import wording
from auxin.experiments.schema import Comparison, Row

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

COLOURS = {"helps": "bold green", "hurts": "bold red", "reference": "dim"}


@dataclass(frozen=True, slots=True)
class Cells:
    """One row as text."""

    method: str
    score: str
    versus_single: str
    versus_control: str
    verdict: str
    seconds: str
    overhead: str


def headings(comparison: Comparison) -> Cells:
    """The columns' names."""
    best = comparison.best_control
    control = f"Δ best control ({best})" if best else "Δ best control"
    score = f"{wording.title(comparison.metric)}, {comparison.half}"
    return Cells("method", score, "Δ single", control, "verdict", "s/run", "overhead")


def cells(comparison: Comparison) -> list[Cells]:
    """The rows as text, in the comparison's order."""
    return [_cells(row, comparison.metric) for row in comparison.rows]


def _cells(row: Row, metric: str) -> Cells:
    return Cells(
        method=row.method,
        score=wording.mean(row.mean, row.standard_error, metric),
        versus_single=wording.contrast(row.versus_single, metric),
        versus_control=wording.contrast(row.versus_control, metric),
        verdict=verdict(row),
        seconds=f"{row.seconds_per_run:.1f}",
        overhead="–" if row.overhead is None else f"{row.overhead:.2f}×",
    )


def verdict(row: Row) -> str:
    """The word, and whom the row was judged against."""
    return row.verdict if row.judged_by is None else f"{row.verdict} vs {row.judged_by}"


def _values(row: Cells) -> list[str]:
    return [getattr(row, name) for name in Cells.__slots__]


def terminal(comparison: Comparison) -> "Group":
    """The table, the verdict and what must be known beside it, for rich to print."""
    from rich.console import Group
    from rich.text import Text

    lines = [Text(comparison.sentence, style="bold")]
    lines += [Text(wording.kept(row.method, row.kept)) for row in comparison.rows if row.kept]
    warned = [f"{row.method}: {text}" for row in comparison.rows for text in row.warnings]
    lines += [Text(f"! {text}", style="yellow") for text in [*comparison.warnings, *warned]]
    lines += [Text(f"Cut to fit the budget: {text}", style="dim") for text in comparison.cuts]
    return Group(_table(comparison), *lines)


def _table(comparison: Comparison) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    seeds = f"{len(comparison.seeds)} seed{'s' * (len(comparison.seeds) != 1)}"
    caption = f"mean ± standard error over {seeds}; Δ: paired difference [95 % interval]"
    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_style="dim", pad_edge=False)
    for number, heading in enumerate(_values(headings(comparison))):
        table.add_column(heading, justify="left" if number in (0, 4) else "right")
    for row, text in zip(comparison.rows, cells(comparison), strict=True):
        styled = [Text(value) for value in _values(text)]
        styled[0].stylize("bold" if row.role == "method" else "")
        styled[4].stylize(COLOURS.get(row.verdict, ""))
        table.add_row(*styled)
    return table


def markdown(comparison: Comparison) -> str:
    """The table as Markdown."""
    rows = [_values(headings(comparison)), ["---", *["---:"] * 3, "---", *["---:"] * 2]]
    rows += [_values(row) for row in cells(comparison)]
    return "".join(f"| {' | '.join(value.replace('|', chr(92) + '|') for value in row)} |\n" for row in rows)


_ESCAPES = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "×": r"$\times$",
    "–": "--",
    wording.MINUS: "$-$",
}


def latex(comparison: Comparison) -> str:
    """The table as LaTeX (booktabs)."""
    head, *body = [
        " & ".join(map(_escaped, _values(row))) + r" \\" for row in [headings(comparison), *cells(comparison)]
    ]
    lines = [
        r"\begin{tabular}{lrrrlrr}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
