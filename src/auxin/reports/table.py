"""The table of a comparison: in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auxin.judging import wording
from auxin.records.results import Comparison, Row

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderResult
    from rich.table import Table

COLOURS = {"helps": "bold green", "hurts": "bold red", "reference": "dim"}


@dataclass(frozen=True, slots=True)
class RowTexts:
    """One row as text."""

    method: str
    score: str
    versus_single: str
    versus_control: str
    verdict: str
    seconds: str
    overhead: str


def headings(comparison: Comparison) -> RowTexts:
    """The columns' names."""
    best = comparison.best_control
    control = f"Δ best control ({best})" if best else "Δ best control"
    score = f"{wording.title(comparison.metric)}, {comparison.half}"
    return RowTexts("method", score, "Δ single", control, "verdict", "s/run", "overhead")


def cells(comparison: Comparison) -> list[RowTexts]:
    """The rows as text, in the comparison's order."""
    return [_cells(row, comparison.metric) for row in comparison.rows]


def _cells(row: Row, metric: str) -> RowTexts:
    return RowTexts(
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


def terminal(comparison: Comparison) -> "Group":
    """The table, the verdict and what must be known beside it, for rich to print."""
    from rich.console import Group
    from rich.text import Text

    lines = [Text(comparison.sentence, style="bold")]
    lines += [Text(wording.kept(row.method, row.kept)) for row in comparison.rows if row.kept]
    warned = [f"{row.method}: {text}" for row in comparison.rows for text in row.warnings]
    lines += [Text(f"! {text}", style="yellow") for text in [*comparison.warnings, *warned]]
    lines += [Text(f"Cut to fit the budget: {text}", style="dim") for text in comparison.cuts]
    return Group(_Fitting(comparison), *lines)


@dataclass(frozen=True)
class _Fitting:
    """The widest form of the table that the terminal has room for: without its costs, then folded, then shortened."""

    comparison: Comparison

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        last = [name for name in RowTexts.__slots__ if name not in ("seconds", "overhead")]
        short = [name for name in last if name != "versus_control"]
        forms = ((list(RowTexts.__slots__), False), (last, False), (last, True), (short, True))
        for columns, folded in forms:
            table = _table(self.comparison, tuple(columns), folded)
            if console.measure(table, options=options.update(max_width=10_000)).maximum <= options.max_width:
                break
        yield table


def _table(comparison: Comparison, columns: Sequence[str], folded: bool) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    seeds = f"{len(comparison.seeds)} seed{'s' * (len(comparison.seeds) != 1)}"
    caption = (
        f"mean ± standard error over {seeds}; Δ: paired difference [95 % interval]\n"
        "verdict: corrected for the number of methods (Holm), so stricter than one interval"
    )
    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_style="dim", pad_edge=False)

    def text(row: RowTexts, name: str) -> Text:
        return Text(_folded(getattr(row, name)) if folded else getattr(row, name))

    for name in columns:
        left = name in ("method", "verdict")
        table.add_column(text(headings(comparison), name), justify="left" if left else "right")
    for row, values in zip(comparison.rows, cells(comparison), strict=True):
        styled = {name: text(values, name) for name in columns}
        styled["method"].stylize("bold" if row.role == "method" else "")
        styled["verdict"].stylize(COLOURS.get(row.verdict, ""))
        table.add_row(*styled.values())
    return table


def _folded(cell: str) -> str:
    """A cell on two lines: an interval, a reference or a unit goes below.

    >>> _folded("+0.04 [+0.02, +0.05]"), _folded("helps vs single")
    ('+0.04\\n[+0.02, +0.05]', 'helps\\nvs single')
    """
    for mark, kept in ((" [", "["), (" vs ", "vs "), (", ", ""), (" (", "(")):
        head, found, rest = cell.partition(mark)
        if found:
            return f"{head}{',' if mark == ', ' else ''}\n{kept}{rest}"
    return cell
