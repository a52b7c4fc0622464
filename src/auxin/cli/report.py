"""Write a self-contained HTML page about a comparison, and its figures, or about a trained model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxin.cli._console import Output
from auxin.errors import ConfigError
from auxin.requests.model import ReportRequest

if TYPE_CHECKING:
    from auxin.studies.label_budget import LabelBudget

_FORMATS = ("png", "pdf", "svg")


def report(request: ReportRequest, output: Output) -> None:
    """Write an HTML page about a comparison (verdict, table, figures, cost, command), or about a model of `auxin fit`.

    The page is one file and loads nothing from the network. The figures go to a folder `figures` beside it. Results
    from different rows are refused, because they are not comparable. For a comparison at several label budgets, one
    page covers them all. A model's page has no figures.

    [bold]Example[/bold]

        auxin report runs/digits
    """
    runs, out = request.runs, request.out
    formats = tuple(part for part in request.figures if part != "none")
    if unknown := [part for part in formats if part not in _FORMATS]:
        known = f"some of: {', '.join(_FORMATS)}"
        raise ConfigError("Unknown figure format", expected=known, found=", ".join(unknown))
    from auxin.folders import check_ending, check_output

    if out is not None:
        check_output(out, runs)
        check_ending(out, ".html", ".htm")
    from auxin.reports import label_budget
    from auxin.reports.model_page import model_page, read_model_card, sentences
    from auxin.store import write_text

    file, budget = out or runs / "report.html", label_budget.read_label_budget(runs)
    if budget is not None:
        return _budget(budget, runs, file, formats, output)
    if (card := read_model_card(runs)) is not None:
        write_text(file, model_page(card))
        output.print("\n".join(f"  {sentence}" for sentence in sentences(card)))
        return _print_files(file, [], {"model": card.training.model_dump(mode="json")}, output)
    from auxin.reports import mistakes, plots, table, tsne
    from auxin.reports.page import write_page
    from auxin.reports.read import read_results

    results = read_results(runs)
    write_page(results, file)
    drawn = (
        {**plots.figures(results), **mistakes.figures(results), **tsne.figures(results)} if formats else {}
    )
    files = plots.save(drawn, file.parent / "figures", formats)
    output.print(table.terminal(results.comparison))
    return _print_files(file, files, {"comparison": results.comparison.model_dump(mode="json")}, output)


def _budget(budget: "LabelBudget", runs: Path, file: Path, formats: Sequence[str], output: Output) -> None:
    from auxin.reports import label_budget
    from auxin.reports.page import budget_page
    from auxin.reports.read import read_results
    from auxin.store import write_text

    parts = {count: read_results(runs / folder) for count, folder in budget.folders.items()}
    write_text(file, budget_page(budget, parts))
    files = label_budget.write_curves(budget, file.parent / "figures", tuple(formats)) if formats else []
    output.print(label_budget.terminal(budget))
    _print_files(file, files, {"label_budget": budget.model_dump(mode="json")}, output)


def _print_files(file: Path, files: list[Path], found: dict[str, Any], output: Output) -> None:
    output.print(f"\nPage: {file}")
    if files:
        output.print(f"Figures: {len(files)} files in {files[0].parent}")
    output.result({"page": str(file), "figures": [str(path) for path in files], **found})
