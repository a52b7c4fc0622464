"""Parquet tables as CSV files of the same content are read: dates, yes and no, and lists as they are written there."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from auxin.data.reading.typed import words_of


def read_parquet(path: Path, verbatim: Collection[str]) -> pd.DataFrame:
    """The table: numbers as float64, everything else as words; cells of bytes stay as they are.

    Lists of words become JSON, `["a", "b"]`, which targets of several labels read; times become words as pandas
    writes them into a CSV file; yes and no become True and False.

    Args:
        path: the file.
        verbatim: columns whose numbers become words.
    """
    table = pq.read_table(path)
    columns = {
        name: column_of(table.column(place), name in verbatim)
        for place, name in enumerate(table.column_names)
    }
    if len(columns) < table.num_columns:  # names that stand twice are refused by the caller
        return pd.DataFrame([[""] * table.num_columns], columns=pd.Index(table.column_names))
    return pd.DataFrame(columns)


def column_of(cells: pa.ChunkedArray, verbatim: bool) -> Any:
    """One column of a Parquet table."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells = pa.chunked_array([chunk.dictionary_decode() for chunk in cells.chunks], kind.value_type)
        kind = cells.type
    if pa.types.is_boolean(kind):
        return _words(["True" if value else "False" for value in cells.to_pylist()], cells)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _plain_numbers(cells) if verbatim else _float(cells)
    if pa.types.is_null(kind):
        return np.full(len(cells), np.nan)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return words_of(cells.cast(pa.string()), verbatim)
    if pa.types.is_temporal(kind):
        return _times(cells)
    if _list_of_words(kind) or (verbatim and pa.types.is_list(kind)):
        return _words([json.dumps(value, default=str) for value in cells.to_pylist()], cells)
    return pd.Series(cells.to_pylist(), dtype=object)


def _list_of_words(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and (
        pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    )


def _float(cells: pa.ChunkedArray) -> np.ndarray:
    return cells.cast(pa.float64(), safe=False).to_numpy()


def _plain_numbers(cells: pa.ChunkedArray) -> Any:
    return _words([str(value) for value in cells.to_pylist()], cells, nan=pa.types.is_floating(cells.type))


def _times(cells: pa.ChunkedArray) -> Any:
    column: Any = cells.to_pandas()
    return column.astype(str).mask(column.isna()).astype("str")


def _words(written: list[str], cells: pa.ChunkedArray, nan: bool = False) -> Any:
    missing = cells.is_null(nan_is_null=nan).to_numpy()
    return pd.Series(written, dtype="str").mask(missing)
