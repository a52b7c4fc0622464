"""Predictions for a table some rows at a time, so that memory does not grow with the number of rows."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import Tally
from auxin.data.encoders.table import TableEncoder
from auxin.data.reading.frame import SUFFIXES, columns_of, is_file, read_parts
from auxin.data.reading.progress import watched
from auxin.errors import DataError, naming
from auxin.store import writing

ENDINGS = (".csv", ".parquet")
Predict = Callable[[pd.DataFrame, Notify], Mapping[str, Any]]
"""Some rows of a table, and a function called with decisions, to the columns of their predictions."""


def streams(encoder: Any, source: str, out: Path) -> bool:
    """Whether rows and predictions are both tables, of which some rows at a time suffice."""
    path = Path(source)
    return (
        isinstance(encoder, TableEncoder)
        and out.suffix in ENDINGS
        and path.name.lower().endswith(SUFFIXES)
        and is_file(path)
    )


def predict_table(
    encoder: TableEncoder,
    path: Path,
    out: Path,
    keep: Sequence[str],
    target: str,
    predict: Predict,
    notify: Notify,
) -> tuple[int, Any]:
    """Write a line per row of a table.

    Args:
        encoder: The encoder of the table that the model was trained on.
        path: The table.
        out: A .csv or .parquet file.
        keep: Columns to carry over, as they are written.
        target: Name of the main task.
        predict: predicts some rows.
        notify: Function that receives a sentence about every decision.

    Returns:
        How many rows there are, and the cells of the target's column, a pandas Series; None if there is no such column.

    Raises:
        DataError: Rows that do not fit the model, or a column to carry over that is not there or has a name of the
            output's own.
    """
    beside: Any
    there, _ = columns_of(path, encoding=encoder.encoding)
    for name in keep:
        if name not in there:
            what = f"{path} has no column {name!r} to carry over"
            raise DataError(what, found=", ".join(there))
    also = [*keep, target] if target in there and target not in keep else [*keep]
    rows, tally, cells = 0, Tally(), []
    with (
        watched(str(path), doing="Predicting"),
        naming(path),
        writing(out) as file,
        _Writer(out, file) as write,
    ):
        for frame, beside in read_parts(path, encoder.encoding, encoder.written, also):
            carried = {name: beside[name].to_numpy() for name in keep}
            numbers = {"row": np.arange(rows, rows + len(frame))}
            write(pd.DataFrame(joined(numbers, carried, predict(frame, tally))))
            rows += len(frame)
            if target in there:
                cells.append(beside[target])
    tally.report(notify)
    return rows, pd.concat(cells) if cells else None


def joined(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of all parts, in their order.

    Raises:
        DataError: A column to carry over has a name that the output has already.

    >>> joined({"row": [0]}, {"row": [7]})
    Traceback (most recent call last):
    auxin.errors.DataError: The column 'row' cannot be carried over. ...
    """
    found: dict[str, Any] = {}
    for part in parts:
        if taken := [name for name in part if name in found]:
            raise DataError(
                f"The column {taken[0]!r} cannot be carried over",
                expected="a name that no column of the predictions has",
                found=f"predictions with a column {taken[0]!r} of their own",
                do="Rename it in the table, or leave it out of --keep",
            )
        found |= part
    return found


def columns(values: np.ndarray, chances: np.ndarray | None, names: Sequence[str]) -> dict[str, Any]:
    """Predictions as a table's columns: labels by name, a probability per class, or values in the target's unit.

    Args:
        values: Class numbers or values [N], attributes or several values [N, D].
        chances: Probabilities [N, C], or None for numbers.
        names: The names of the classes or attributes.

    >>> columns(np.array([1]), np.array([[0.2, 0.8]]), ["cat", "dog"])["prediction"]
    ['dog']
    """
    if chances is None:
        if values.ndim > 1:
            return {f"prediction {k + 1}": values[:, k] for k in range(values.shape[1])}
        return {"prediction": values}
    each = {f"p({name})": chances[:, k] for k, name in enumerate(names)}
    if values.ndim > 1:
        return {f"is {name}": values[:, k] for k, name in enumerate(names)} | each
    return {"prediction": [names[k] for k in values.tolist()]} | each


class _Writer:
    """Writes frames below one another into an open file, as CSV or Parquet."""

    def __init__(self, out: Path, file: IO[bytes]) -> None:
        self.kind, self.file = out.suffix, file
        self.header, self.parquet = True, None

    def __enter__(self) -> Callable[[pd.DataFrame], None]:
        return self._csv if self.kind == ".csv" else self._rows

    def _csv(self, frame: pd.DataFrame) -> None:
        self.file.write(frame.to_csv(index=False, header=self.header).encode())
        self.header = False

    def _rows(self, frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if self.parquet is None:
            self.parquet = pq.ParquetWriter(self.file, table.schema)
        self.parquet.write_table(table.cast(self.parquet.schema))

    def __exit__(self, *_: object) -> None:
        if self.parquet is not None:
            self.parquet.close()
