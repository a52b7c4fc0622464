"""Write one self-contained HTML page about a comparison, and its figures."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, Output
from auxin.errors import ConfigError, message

_FORMATS = ("png", "pdf", "svg")


def report(
    runs: Annotated[Path, typer.Argument(metavar="RUNS", help="A folder that `auxin compare --out` wrote.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page. Default: report.html in RUNS.")
    ] = None,
    figures: Annotated[
        str | None,
        typer.Option(
            "--figures", metavar="FORMATS", help="Also write the figures: png, pdf, svg (with commas)."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write one HTML page about a comparison: verdict, table, figures, cost, and how to do it again.

    The page opens from disk and asks the network for nothing. Figures go to a folder `figures` beside it.
    Results whose rows differ are refused: they must not stand in one table.
    """
    formats = _formats(figures)
    from auxin.reports import table
    from auxin.reports.page import write_page
    from auxin.reports.plots import write_figures
    from auxin.reports.read import read_results

    output = Output(as_json)
    results = read_results(runs)
    file = out or runs / "report.html"
    write_page(results, file)
    drawn = write_figures(results, file.parent / "figures", formats) if formats else []
    output.say(table.terminal(results.comparison))
    output.say(f"\n{file}", *(f"{path}" for path in drawn), sep="\n")
    found = {"page": str(file), "figures": [str(path) for path in drawn]}
    output.result({**found, "comparison": results.comparison.model_dump(mode="json")})


def _formats(text: str | None) -> list[str]:
    asked = [part.strip() for part in (text or "").split(",") if part.strip()]
    unknown = [part for part in asked if part not in _FORMATS]
    if unknown:
        raise ConfigError(
            message(
                "Unknown figure format", expected=f"some of: {', '.join(_FORMATS)}", found=", ".join(unknown)
            )
        )
    return asked
