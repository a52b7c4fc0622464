"""List the papers' tables and figures, or run one: ours beside the paper's."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, OutDir, Output
from auxin.cli._engine import Address, Engine, Jobs, conducting, executor
from auxin.cli._typed import command


def reproduce(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A recipe's name; none: list them.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder that holds the data sets' folders: DIR/cifar100 ..."),
    ] = None,
    smoke: Annotated[
        bool,
        typer.Option("--smoke", help="Tiny, on made-up rows: shows that it runs; its numbers mean nothing."),
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Other seeds than the recipe's own.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=10, help="At most so many training rows, in recipes that are tables of runs."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Such as 10min: no further piece is begun after it."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="Only pieces with one of these words in their names, comma-separated."
        ),
    ] = None,
    jobs: Jobs = None,
    engine: Engine = "auto",
    address: Address = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="List the pieces and print the line that runs them as a SLURM array."),
    ] = False,
    piece: Annotated[
        int | None,
        typer.Option(
            metavar="I", help="Compute the piece of this number alone (from 0), as an array's task does."
        ),
    ] = None,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """List the papers' tables and figures, or run one of them again: ours beside the paper's.

    Finished pieces are kept: run the same command to resume. Result files, a Markdown table and pictures
    go to --out (default: runs/reproduce-RECIPE).

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
    asked = _reproducing.request(recipe, root, smoke, size, budget, out, command())
    if plan:
        _reproducing.plan(asked, output)
    elif piece is not None:
        _reproducing.compute(asked, piece, output)
    else:
        with conducting(engine) as conducts:
            if conducts:
                _reproducing.run(asked, output, executor(engine, jobs, address))
