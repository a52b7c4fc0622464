"""The options by which a user says what is in the data: the same words for every verb that takes them."""

from pathlib import Path
from typing import Annotated, Any

import typer

Root = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="The folder that holds a known data set's files.")
]
Target = Annotated[
    str | None, typer.Option("--target", metavar="COLUMN", help="The main task, where the data hold several.")
]
Aux = Annotated[
    str | None,
    typer.Option(
        "--aux",
        metavar="COLUMNS",
        help="Auxiliary tasks, comma-separated; NAME=A|B|C is one of several columns.",
    ),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="NAME=KIND",
        help="Kinds of targets, the main one among them, comma-separated; those not named are guessed and printed.",
    ),
]  # fmt: skip
Missing = Annotated[
    str | None, typer.Option("--missing", metavar="NAME=VALUE", help="Values that stand for a missing label.")
]
Image = Annotated[
    str | None, typer.Option("--image", metavar="COLUMN", help="A table's column of image files' paths.")
]
Inputs = Annotated[
    str | None,
    typer.Option("--inputs", metavar="NAME", help="The array of an .npz file that holds the inputs."),
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="COLUMN", help="A column of the words train and test.")
]
Group = Annotated[
    str | None,
    typer.Option("--group", metavar="COLUMN", help="Rows with equal cells stay on one side of every split."),
]
Ignore = Annotated[
    str | None, typer.Option("--ignore", metavar="COLUMNS", help="Columns to leave out, comma-separated.")
]
Keep = Annotated[
    str | None,
    typer.Option("--keep", metavar="COLUMNS", help="Columns to keep although they hold the target."),
]
Text = Annotated[
    str | None, typer.Option("--text", metavar="COLUMNS", help="Columns that are text, comma-separated.")
]
Size = Annotated[
    int | None, typer.Option("--size", metavar="PIXELS", help="The side that every image is brought to.")
]
Unlabelled = Annotated[
    str | None,
    typer.Option("--unlabelled", metavar="PATH", help="Further rows or images without a main label."),
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Of text files. Default: utf-8.")]
Level = Annotated[
    str | None,
    typer.Option("--level", metavar="P:A", help="CIFAR-100: P primary and A auxiliary classes."),
]


def given(**options: Any) -> tuple[tuple[str, Any], ...]:
    """The options that were given, as sorted pairs."""
    return tuple(sorted((name, value) for name, value in options.items() if value is not None))
