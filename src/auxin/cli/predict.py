"""Predict with a trained model: write one row of predictions and probabilities per row of data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from auxin.cli._console import AllowModule, JsonFlag, Output

NewData = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Data of the same form as the training data: a table, images (a folder, a file, a table of paths), "
        "an .npz file, a known data set (see --root), or hub:OWNER/NAME.",
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        "--level",
        metavar="P:A[:...]",
        help="CIFAR-100 only: P primary and A auxiliary classes, out of 3, 10, 20 and 100."
        " Further numbers add auxiliary tasks.",
    ),
]


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `auxin fit` wrote.")],
    data: NewData,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="File to write: .csv, .parquet, or .npz (required for dense tasks)."
        ),
    ] = Path("predictions.csv"),
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep", metavar="COLUMNS", help="Columns of the table to copy into the output, comma-separated."
        ),
    ] = None,
    level: Level = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Folder with the files of a known data set."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding", metavar="NAME", help="Encoding of text files (default: the training file's)."
        ),
    ] = None,
    modules: AllowModule = None,
    as_json: JsonFlag = False,
) -> None:
    """Predict with a trained model and write one line per row, in the order of the rows.

    The output has the columns `row` (the row's number in DATA, from 0; for images also `file`), `prediction`, and for
    classification one column `p(LABEL)` of calibrated probability per class. DATA needs no target columns. If it has
    the main task's labels, the score is printed. Categories that are absent from the training data are treated as
    missing and listed.

    [bold]Examples[/bold]

        auxin predict models/houses new-houses.csv --out prices.csv
        auxin predict models/pictures new-pictures/ --out breeds.parquet
        auxin predict models/animals cifar100 --root DIR --level 20:100
    """
    from auxin.catalogue import check_data
    from auxin.exported.folder import require
    from auxin.folders import check_output

    check_output(out, data, model)
    require(model)
    check_data(data, root)
    output = Output(as_json)
    output.heading("auxin predict", f"  {data}")
    columns = [name.strip() for name in (keep or "").split(",") if name.strip()]
    found = _written(
        model, data, out, columns, {"root": root, "level": level}, encoding, modules or (), output
    )
    output.print(f"  {found['rows']:,} rows: {found['task']}, predicted by {found['method']}.")
    if found["score"] is not None:
        output.print(_score(found))
    output.print(str(out))
    output.result(found)


def _written(
    model: Path,
    data: str,
    out: Path,
    columns: Sequence[str],
    options: Mapping[str, Any],
    encoding: str | None,
    modules: Sequence[str],
    output: Output,
) -> dict[str, Any]:
    """Write the predictions, without PyTorch where the model and the data allow it."""
    from auxin.exported.plain import write_plain

    def notify(note: str) -> None:
        output.print(f"  {note}")

    if encoding is not None:
        _check_text(data)
    found = None if any(options.values()) else write_plain(model, data, out, columns, notify, encoding)
    if found is None:
        from auxin.exported.files import write_predictions
        from auxin.exported.model import load_model

        made = load_model(model, modules, notify)
        if encoding is not None and made.encoder is not None:
            made.encoder.encoding = encoding  # type: ignore[attr-defined]  # of tables and tables of images
        found = write_predictions(made, data, out, columns, notify, options)
    return found


def _check_text(data: str) -> None:
    """Refuse an encoding for what is no text file."""
    from auxin.data.reading.frame import TEXT
    from auxin.errors import ConfigError

    endings = (*TEXT, ".arff")
    if not data.lower().endswith(endings):
        expected = f"a file ending in {', '.join(endings)}"
        raise ConfigError("--encoding is for text files", expected=expected, found=data, do="Leave it out")


def _score(found: Mapping[str, Any]) -> str:
    """The sentence on rows that have labels."""
    from auxin.judging import wording

    metric = str(found["metric"])
    value = f"{wording.name(metric)} {wording.stated(float(found['score']), metric)}"
    return (
        f"  {found['labelled']:,} of the rows have labels: {value}. The score is optimistic if the model was "
        "trained on some of these rows."
    )
