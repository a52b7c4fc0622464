"""Reproduce a table or figure of a paper, and compare with the published values."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting, executor
from auxin.cli._typed import command


def reproduce(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="Name of a recipe. Without one, the recipes are listed."),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder that holds one folder per data set, such as DIR/cifar100."),
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke",
            help="Run a tiny version on made-up rows, to test that the recipe runs. Its numbers mean nothing.",
        ),
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Number of seeds. Default: the recipe's.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=10, help="Maximum number of training rows, in recipes that are tables of runs."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Time limit, such as 10min. After it, no further piece is started."
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Run only the pieces whose names contain one of these words, comma-separated.",
        ),
    ] = None,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
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
    as_json: JsonFlag = False,
    out: OutDir = None,
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
    output = Output(as_json)
    if recipe is None:
        from auxin.cli._reproducing import listing

        listing(output)
        return
    output.say(f"[bold]auxin reproduce[/bold]  {recipe}")  # before torch is imported, which takes a while
    from auxin.cli import _reproducing

    size = (seeds, rows, only)
    arguments = _reproducing.request(recipe, root, smoke, size, budget, out, command())
    if plan:
        _reproducing.plan(arguments, output)
    elif piece is not None:
        _reproducing.compute(arguments, piece, output)
    else:
        with conducting(engine) as conducts:
            if conducts:
                _reproducing.run(arguments, output, executor(engine, jobs, address))
