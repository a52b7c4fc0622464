"""Write one self-contained HTML page about a comparison, and its figures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auxin.cli._console import JsonFlag, Output
from auxin.errors import ConfigError, message

if TYPE_CHECKING:
    from auxin.studies.label_budget import LabelBudget

_FORMATS = ("png", "pdf", "svg")


def report(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="A folder that `auxin compare --out` wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page. Default: report.html in RUNS.")
    ] = None,
    figures: Annotated[
        str,
        typer.Option(
            "--figures", metavar="FORMATS", help="Figures' files: png, pdf, svg (with commas), or none."
        ),
    ] = "png,pdf",
    as_json: JsonFlag = False,
) -> None:
    """Write one HTML page about a comparison: verdict, table, figures, cost, and how to do it again.

    The page opens from disk and asks the network for nothing. Figures go to a folder `figures` beside it.
    Results whose rows differ are refused: they must not stand in one table. A folder of several label budgets
    gets one page about them all.
    """
    formats = _formats(figures)
    output = Output(as_json)
    from auxin.reports import label_budget

    file, budget = out or runs / "report.html", label_budget.read_label_budget(runs)
    if budget is not None:
        return _budget(budget, runs, file, formats, output)
    from auxin.reports import mistakes, plots, table, tsne
    from auxin.reports.page import write_page
    from auxin.reports.read import read_results

    results = read_results(runs)
    write_page(results, file)
    drawn = (
        {**plots.figures(results), **mistakes.figures(results), **tsne.figures(results)} if formats else {}
    )
    files = plots.save(drawn, file.parent / "figures", formats)
    output.say(table.terminal(results.comparison))
    return _done(file, files, {"comparison": results.comparison.model_dump(mode="json")}, output)


def _budget(budget: "LabelBudget", runs: Path, file: Path, formats: list[str], output: Output) -> None:
    from auxin.reports import label_budget
    from auxin.reports.page import budget_page
    from auxin.reports.read import read_results
    from auxin.store import write_text

    parts = {count: read_results(runs / folder) for count, folder in budget.folders.items()}
    write_text(file, budget_page(budget, parts))
    files = label_budget.write_curves(budget, file.parent / "figures", tuple(formats)) if formats else []
    output.say(label_budget.terminal(budget))
    _done(file, files, {"label_budget": budget.model_dump(mode="json")}, output)


def _done(file: Path, files: list[Path], found: dict[str, Any], output: Output) -> None:
    output.say(f"\nPage: {file}")
    if files:
        output.say(f"Figures: {len(files)} files in {files[0].parent}")
    output.result({"page": str(file), "figures": [str(path) for path in files], **found})


def _formats(text: str) -> list[str]:
    asked = [part.strip() for part in text.split(",") if part.strip() not in ("", "none")]
    unknown = [part for part in asked if part not in _FORMATS]
    if unknown:
        raise ConfigError(
            message(
                "Unknown figure format", expected=f"some of: {', '.join(_FORMATS)}", found=", ".join(unknown)
            )
        )
    return asked
