"""Predict with a trained network: a table of predictions and probabilities, one row for each of yours."""

from pathlib import Path
from typing import Annotated

import typer

from auxin.cli import _data
from auxin.cli._console import JsonFlag, Output


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `auxin fit --out` wrote.")],
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Rows such as it was trained on: a table, images (a folder, a file, a table of paths), an .npz file, "
            "a known data set (see --root), or hub:OWNER/NAME.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="predictions.csv, .parquet, or .npz (which dense tasks need)."
        ),
    ] = Path("predictions.csv"),
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep", metavar="COLUMNS", help="Columns of the table to carry over, comma-separated."
        ),
    ] = None,
    level: _data.Level = None,
    root: _data.Root = None,
    as_json: JsonFlag = False,
) -> None:
    """Predict with a trained network and write one line per row, in the rows' order.

    The file has `row` (its number in DATA, from 0; for images also `file`), `prediction`, and for classes one column
    `p(LABEL)` per class, calibrated. Columns of the main task or of others may be there or not; where the main task's
    labels are there, the score is said. Categories that no training row had count as missing, and are named.

    [bold]Examples[/bold]

    auxin predict models/houses new-houses.csv --out prices.csv

    auxin predict models/pictures new-pictures/ --out breeds.parquet

    auxin predict models/animals cifar100 --root DIR --level 20:100 --out animals.csv
    """
    output = Output(as_json)
    output.say(f"[bold]auxin predict[/bold]  {data}")
    from auxin.exported.files import write_predictions
    from auxin.exported.model import load_model

    columns = [name.strip() for name in (keep or "").split(",") if name.strip()]
    found = write_predictions(
        load_model(model),
        data,
        out,
        columns,
        lambda note: output.say(f"  {note}"),
        {"root": root, "level": level},
    )
    output.say(f"  {found['rows']:,} rows: {found['task']}, by {found['method']}.")
    if found["score"] is not None:
        value = f"{found['metric']} {found['score']:.4f}"
        output.say(
            f"  {found['labelled']:,} of them carry labels: {value} (if it trained on some of them, that flatters it)."
        )
    output.say(str(out))
    output.result(found)
