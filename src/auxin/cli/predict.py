"""Predict with a trained model: write one row of predictions and probabilities per row of data."""

from collections.abc import Mapping
from typing import Any

from auxin.cli._console import Output
from auxin.requests.model import PredictRequest


def predict(request: PredictRequest, output: Output) -> None:
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

    check_output(request.out, request.data, request.model)
    require(request.model)
    check_data(request.data, request.root)
    output.heading("auxin predict", f"  {request.data}")
    found = _written(request, output)
    output.print(f"  {found['rows']:,} rows: {found['task']}, predicted by {found['method']}.")
    if found["score"] is not None:
        output.print(_score(found))
    output.print(str(request.out))
    output.result(found)


def _written(request: PredictRequest, output: Output) -> dict[str, Any]:
    """Write the predictions, without PyTorch where the model and the data allow it."""
    from auxin.exported.plain import write_plain

    def notify(note: str) -> None:
        output.print(f"  {note}")

    data, encoding = request.data, request.encoding
    if encoding is not None:
        _check_text(data)
    options = {"root": request.root, "level": request.level}
    what = (data, request.out, request.keep, notify)
    found = None if any(options.values()) else write_plain(request.model, *what, encoding)
    if found is None:
        from auxin.exported.files import write_predictions
        from auxin.exported.model import load_model

        made = load_model(request.model, request.modules, notify)
        if encoding is not None and made.encoder is not None:
            made.encoder.encoding = encoding  # type: ignore[attr-defined]  # of tables and tables of images
        found = write_predictions(made, *what, options)
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
