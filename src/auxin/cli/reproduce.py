"""Reproduce a table or figure of a paper, and compare with the published values."""

from typing import Annotated

import typer

from auxin.cli._console import Output
from auxin.errors import ConfigError
from auxin.requests.reproduce import RecipeRequest


def reproduce(
    request: RecipeRequest,
    output: Output,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="List the pieces and print the command that runs them as a SLURM job array."
        ),
    ] = False,
    piece: Annotated[
        int | None,
        typer.Option(
            metavar="I", help="Compute only the piece with this number (from 0), as a task of the array does."
        ),
    ] = None,
) -> None:
    """Reproduce a table or figure of a paper. Without RECIPE, list the recipes.

    The result table shows the computed values beside the published ones. A recipe consists of pieces; finished pieces
    are saved, and the same command resumes. Result files, a Markdown table and figures are written to --out (default:
    runs/reproduce-RECIPE).

    [bold]Examples[/bold]

        auxin reproduce
        auxin reproduce auxilearn_figure_2
        auxin reproduce auxilearn_figure_7 --smoke
        auxin reproduce maxl_table_1 --root DIR --seeds 3 --budget 10min
        auxin reproduce auxilearn_figure_2 --plan
    """
    from auxin.cli import _reproducing

    if not request.name:
        if plan or piece is not None or request != RecipeRequest(command=request.command):
            raise ConfigError("The options need a recipe", expected="auxin reproduce RECIPE OPTIONS")
        _reproducing.listing(output)
        return
    _reproducing.check_name(request.name)
    output.heading("auxin reproduce", f"  {request.name}")  # before the slow import of torch
    if plan:
        _reproducing.plan(request, output)
    elif piece is not None:
        _reproducing.compute(request, piece, output)
    else:
        _reproducing.run(request, output)
