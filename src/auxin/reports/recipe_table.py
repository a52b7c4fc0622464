"""A recipe's table, ours beside the paper's, for the terminal and as Markdown; read from its result file."""

from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from auxin.records.recipe import Claim, RecipeRecord, RecipeRow
from auxin.store import write_text

HOLDS = {True: "reproduced", False: "not reproduced", None: "not decided"}


def terminal(result: RecipeRecord) -> RenderableType:
    """Title, table, claims and notes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns, rows = _table(result)
    for column in columns:
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        table.add_row(*row)
    words = [Text(f"{result.title} ({result.citation})", style="bold"), *map(Text, _remarks(result)), table]
    styles = {True: "green", False: "red", None: "yellow"}
    claims = [Text.assemble((f"{HOLDS[c.holds]}: ", styles[c.holds]), _claim(c)) for c in result.claims]
    return Group(*words, *claims)


def write_markdown(result: RecipeRecord, folder: Path) -> Path:
    """Write `folder/table.md`."""
    file = folder / "table.md"
    write_text(file, markdown(result))
    return file


def markdown(result: RecipeRecord) -> str:
    """The same as a page of Markdown."""
    columns, rows = _table(result)
    table = [_row(columns), _row(["---", *["---:"] * (len(columns) - 1)]), *map(_row, rows)]
    claims = [f"- *{HOLDS[c.holds]}*: {_claim(c)}" for c in result.claims]
    command = [f"```sh\n{result.command}\n```"] if result.command else []
    parts = [f"# {result.title}", result.citation, *command, _origin(result), *_remarks(result)]
    parts += ["\n".join(table)] if rows else []
    parts += ["\n".join(claims)] if claims else []
    parts += [f"![{p.title}](figures/{p.name}.png)" for p in result.pictures]
    return "\n\n".join(parts) + "\n"


def _origin(result: RecipeRecord) -> str:
    """Code and time of the result."""
    known = result.versions
    commit = f" (commit {known['commit']})" if "commit" in known else ""
    minutes = f"{result.seconds / 60:.1f} minutes in all pieces"
    return f"auxin {known.get('auxin', '')}{commit}, torch {known.get('torch', '')}; {minutes}."


def _table(result: RecipeRecord) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows: the paper's numbers where there are any, differences to the reference, verdicts."""
    paper = any(line.paper is not None for line in result.lines)
    judged = ["difference"] if any(line.difference is not None for line in result.lines) else []
    if any(line.verdict for line in result.lines):
        judged = ["difference", "paper's", "verdict"]
    columns = ["", "ours", *(["paper"] if paper else []), *judged, "seeds"]
    return columns, [_cells(line, paper, len(judged)) for line in result.lines]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(line: RecipeRow, paper: bool, judged: int) -> list[str]:
    name = f"{line.name} ({line.unit})" if line.unit else line.name
    published = [_number(line.paper, line.paper_error) if line.paper is not None else "–"] if paper else []
    verdict = _verdict(line)[:judged]
    return [name, _number(line.ours, line.error), *published, *verdict, str(line.seeds)]


def _verdict(line: RecipeRow) -> list[str]:
    """Our difference to the reference with its interval, the paper's, and what that says."""
    if line.difference is None:
        return ["–", "–", ""]
    spread = "" if line.low is None else f" [{line.low:+.2f}, {line.high:+.2f}]"
    theirs = "–" if line.paper_difference is None else f"{line.paper_difference:+.2f}"
    return [f"{line.difference:+.2f}{spread}", theirs, line.verdict]


def _number(value: float, error: float | None) -> str:
    """A number and its error, to as many places as its size asks for.

    >>> _number(12.3456, 0.5), _number(0.000012, None), _number(-0.953, 0.002)
    ('12.35 ± 0.50', '1.2e-05', '-0.953 ± 0.002')
    """
    if value != 0 and abs(value) < 1e-3:
        return f"{value:.1e}" + (f" ± {error:.1e}" if error is not None else "")
    digits = 2 if abs(value) >= 10 else 3
    return f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error is not None else "")


def _claim(claim: Claim) -> str:
    return f"{claim.text.rstrip('.')}: {claim.found}."


def _remarks(result: RecipeRecord) -> list[str]:
    smoke = ["A tiny run that shows that the recipe runs; its numbers mean nothing."] if result.smoke else []
    stand_in = [f"Stand-in: {result.stand_in}"] if result.stand_in else []
    departures = ["Departures: " + " ".join(result.departures)] if result.departures else []
    return [*smoke, *stand_in, *departures, *result.notes]
