"""Predictions for a table some rows at a time, so that memory does not grow with the number of rows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from auxin.data.encoders.notices import Tally
from auxin.data.encoders.table import TableEncoder
from auxin.data.reading.frame import SUFFIXES, columns_of, is_file, read_parts
from auxin.data.reading.progress import watched
from auxin.errors import DataError, message
from auxin.exported.labels import labels_of
from auxin.exported.model import Model, Predictions
from auxin.exported.named import columns
from auxin.store import writing

ENDINGS = (".csv", ".parquet")
Say = Callable[[str], None]


def streams(model: Model, source: str, out: Path) -> bool:
    """Whether rows and predictions are both tables, of which some rows at a time suffice."""
    path = Path(source)
    return (
        isinstance(model.encoder, TableEncoder)
        and out.suffix in ENDINGS
        and path.name.lower().endswith(SUFFIXES)
        and is_file(path)
    )


def predict_table(
    model: Model, path: Path, out: Path, keep: Sequence[str], say: Say
) -> tuple[int, Tensor | None, Tensor | None]:
    """Write a line per row of a table.

    Args:
        model: whose predictions; trained on a table.
        path: The table.
        out: A .csv or .parquet file.
        keep: Columns to carry over, as they are written.
        say: Function that receives a sentence about every decision.

    Returns:
        How many rows there are; the outputs and labels of the rows if the table has the target's column, else None.

    Raises:
        DataError: Rows that do not fit the model, or a column to carry over that is not there.
    """
    encoder: Any = model.encoder
    beside: Any
    there, _ = columns_of(path, encoding=encoder.encoding)
    for name in keep:
        if name not in there:
            what = f"{path} has no column {name!r} to carry over"
            raise DataError(message(what, found=", ".join(there)))
    target = model.task.name if model.task.name in there else None
    also = [*keep] if target is None or target in keep else [*keep, target]
    rows, tally, outputs, cells = 0, Tally(), [], []
    with watched(str(path), doing="Predicting"), writing(out) as file, _Writer(out, file) as write:
        for frame, beside in read_parts(path, encoder.encoding, encoder.written, also):
            found = model.predict(_encoded(encoder, str(path), frame, tally))
            write(_lines(model, found, rows, beside[list(keep)]))
            rows += len(frame)
            if target:
                outputs.append(found.outputs.float())
                cells.append(beside[target])
    tally.say(say)
    labels = labels_of(model.task, pd.concat(cells), say) if target else None
    return rows, torch.cat(outputs) if target else None, labels


def _encoded(encoder: TableEncoder, where: str, frame: pd.DataFrame, tally: Tally) -> Any:
    x, blank = encoder.encode_frame(where, frame, tally)
    return x if blank is None else x.masked_fill(blank, torch.nan)  # type: ignore[arg-type]


def _lines(model: Model, found: Predictions, begin: int, kept: pd.DataFrame) -> pd.DataFrame:
    numbers = np.arange(begin, begin + len(kept))
    carried = {name: kept[name].to_numpy() for name in kept.columns}
    return pd.DataFrame({"row": numbers, **carried, **columns(model, found)})


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
