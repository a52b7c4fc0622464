"""The options that describe the data. Every verb that reads data shares them."""

from pathlib import Path
from typing import Annotated, Any

import typer

Root = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="Folder with the files of a known data set.")
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="COLUMN",
        help="The main task's column. Needed where the data have several targets.",
    ),
]
Aux = Annotated[
    str | None,
    typer.Option(
        "--aux",
        metavar="COLUMNS",
        help="Columns of auxiliary tasks, comma-separated. NAME=A|B|C makes one task of several columns.",
    ),
]
Kinds = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="NAME=KIND",
        help="Set target types explicitly (main or auxiliary), comma-separated. The others are guessed and printed.",
    ),
]  # fmt: skip
Missing = Annotated[
    str | None,
    typer.Option("--missing", metavar="NAME=VALUE", help="Value that means a missing label, such as y=-1."),
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="COLUMN", help="Column of a table that holds the paths of image files."),
]
Inputs = Annotated[
    str | None,
    typer.Option("--inputs", metavar="NAME", help="Array of an .npz file that holds the inputs."),
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="COLUMN", help="Column that marks each row as train or test.")
]
Group = Annotated[
    str | None,
    typer.Option(
        "--group",
        metavar="COLUMN",
        help="Column of groups. Rows of one group stay on the same side of every split.",
    ),
]
Ignore = Annotated[
    str | None,
    typer.Option("--ignore", metavar="COLUMNS", help="Columns to leave out of the inputs, comma-separated."),
]
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep", metavar="COLUMNS", help="Columns to keep even if they reveal the target (leakage)."
    ),
]
Text = Annotated[
    str | None, typer.Option("--text", metavar="COLUMNS", help="Columns to read as text, comma-separated.")
]
Size = Annotated[
    int | None, typer.Option("--size", metavar="PIXELS", help="Side length that every image is resized to.")
]
Unlabelled = Annotated[
    str | None,
    typer.Option(
        "--unlabelled",
        metavar="PATH",
        help="Table or folder of additional rows or images without a main label.",
    ),
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of text files (default: utf-8).")]
Level = Annotated[
    str | None,
    typer.Option(
        "--level",
        metavar="P:A",
        help="CIFAR-100 only: P primary and A auxiliary classes, out of {3, 10, 20, 100}.",
    ),
]


def given(**options: Any) -> tuple[tuple[str, Any], ...]:
    """Return the options that are not None, as sorted pairs of name and value."""
    return tuple(sorted((name, value) for name, value in options.items() if value is not None))
