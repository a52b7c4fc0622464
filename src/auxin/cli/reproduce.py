"""List the papers' tables and figures, or run one: ours beside the paper's."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli._console import JsonFlag, OutDir, Output
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
        bool, typer.Option("--smoke", help="Tiny: shows that it runs; its numbers mean nothing.")
    ] = False,
    as_json: JsonFlag = False,
    out: OutDir = None,
) -> None:
    """List the papers' tables and figures, or run one of them again: ours beside the paper's.

    What is finished is kept: the same command goes on where it stopped. Result files, a Markdown table and pictures
    go to --out (default: runs/reproduce-RECIPE).

    [bold]Examples[/bold]

    auxin reproduce

    auxin reproduce auxilearn_figure_2

    auxin reproduce auxilearn_figure_7 --root DIR --smoke
    """
    output = Output(as_json)
    if recipe is None:
        from auxin.cli._reproducing import listing

        listing(output)
        return
    output.say(f"[bold]auxin reproduce[/bold]  {recipe}")  # before torch is imported, which takes a while
    from auxin.cli._reproducing import run

    run(recipe, root, smoke, out, output, command())
