"""Parquet tables, and frames in memory, as CSV files of the same content are read.

Dates, yes and no, and lists become words as they are written there.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as _compute
import pyarrow.parquet as pq

from auxin.data.reading.typed import longest, words_of
from auxin.errors import DataError

pc: Any = _compute  # its functions are made when it is imported, so that checkers know none
PART = 1 << 16
"""Rows that are predicted at once."""


def read_parquet(path: Path, verbatim: Collection[str]) -> pd.DataFrame:
    """The table: numbers as float64, everything else as words; cells of bytes stay as they are.

    Lists of words become JSON, `["a", "b"]`, which targets of several labels read; times become words as pandas
    writes them into a CSV file; yes and no become True and False.

    Args:
        path: The file.
        verbatim: Columns whose numbers become words.
    """
    return frame_of(pq.read_table(path), verbatim)


def parquet_parts(
    path: Path, verbatim: Collection[str], also: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The table some rows at a time, each part with the columns `also` as they are written."""
    for batch in pq.ParquetFile(path).iter_batches(PART):
        table = pa.Table.from_batches([batch])
        yield frame_of(table, verbatim), frame_of(table.select(also), also)


def read_memory(source: Any, verbatim: Collection[str] = ()) -> pd.DataFrame:
    """The same of rows in memory: a DataFrame of pandas or Polars, or columns by name.

    Args:
        source: The rows; an index is left out.
        verbatim: Columns that are read as they are written, marks of missing values too.

    Raises:
        DataError: Two columns have the same name, or a column mixes types.

    >>> read_memory({"a": [1, 2], "b": [True, None]}).to_dict("list")
    {'a': [1.0, 2.0], 'b': ['True', nan]}
    """
    frame: Any = table_of(source)
    names = [str(name) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError("Several columns have one name", found=", ".join(twice), do="Rename them")
    try:
        mine = isinstance(frame, pd.DataFrame)
        plain = pa.Table.from_pandas(frame, preserve_index=False) if mine else pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            "A column is neither numbers, words, dates nor yes and no",
            found=" ".join(str(part) for part in error.args),
            do="Write the column as one type throughout, or leave it out",
        ) from error
    return frame_of(plain, verbatim)


def table_of(source: Any) -> Any:
    """Rows in memory as a table with columns called by words: frames of pandas or Polars, or columns by name."""
    if hasattr(source, "__arrow_c_stream__") and not isinstance(source, pd.DataFrame):
        return source
    frame = pd.DataFrame(source)
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def frame_of(table: pa.Table, verbatim: Collection[str] = ()) -> pd.DataFrame:
    """An Arrow table as `read_parquet` gives one."""
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
    if isinstance(kind, pa.BaseExtensionType):
        return _extension(cells, verbatim)
    if pa.types.is_dictionary(kind):
        return _categories(cells, verbatim)
    if _is(kind, "binary", "large_binary"):
        cells = _decoded(cells)
        kind = cells.type
    if pa.types.is_boolean(kind):
        return _words(["True" if value else "False" for value in cells.to_pylist()], cells)
    if _is(kind, "integer", "floating", "decimal"):
        if not verbatim and not _codes(cells):
            return _float(cells)
        return _words([str(value) for value in cells.to_pylist()], cells, nan=pa.types.is_floating(kind))
    if pa.types.is_null(kind):
        return np.full(len(cells), np.nan)
    if _is(kind, "string", "large_string", "string_view"):
        return words_of(cells.cast(pa.string()), verbatim)
    if pa.types.is_temporal(kind):
        return _times(cells)
    if _is(kind, "list", "large_list", "fixed_size_list", "list_view") and (
        verbatim or not pa.types.is_nested(kind.value_type)
    ):
        return _words([json.dumps(value, default=str) for value in cells.to_pylist()], cells)
    return pd.Series(cells.to_pylist(), dtype=object)


def _is(kind: pa.DataType, *names: str) -> bool:
    """Whether it is of one of Arrow's types of these names."""
    return any(getattr(pa.types, f"is_{name}")(kind) for name in names)


def _categories(cells: pa.ChunkedArray, verbatim: bool) -> Any:
    """Categories as their values are read; those of words that have an order keep it."""
    if pa.types.is_string_view(cells.type.value_type):  # as Polars writes them; pyarrow cannot decode these
        cells = pa.chunked_array([_without_views(chunk) for chunk in cells.chunks])
    kind = cells.type
    whole = pa.chunked_array([chunk.dictionary_decode() for chunk in cells.chunks], kind.value_type)
    made = column_of(whole, verbatim)
    if not kind.ordered or not _is(kind.value_type, "string", "large_string"):
        return made
    order = column_of(cells.unify_dictionaries().chunk(0).dictionary, verbatim).dropna().unique()
    return pd.Series(pd.Categorical(made, categories=order, ordered=True))


def _without_views(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    values = chunk.dictionary.cast(pa.large_string())
    return pa.DictionaryArray.from_arrays(chunk.indices, values, ordered=chunk.type.ordered)


def _extension(cells: pa.ChunkedArray, verbatim: bool) -> Any:
    """pandas' periods as they are written; other types as what they are made of."""
    if "period" in cells.type.extension_name:
        return _times(cells)
    plain = [chunk.storage for chunk in cells.chunks]
    return column_of(pa.chunked_array(plain, cells.type.storage_type), verbatim)


def _decoded(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes that are all words in UTF-8, as some programs write words, are words."""
    try:
        return cells.cast(pa.string())
    except pa.ArrowInvalid:
        return cells


def _float(cells: pa.ChunkedArray) -> np.ndarray:
    return cells.cast(pa.float64(), safe=False).to_numpy()


def _codes(cells: pa.ChunkedArray) -> bool:
    """Whether whole numbers are so long that different ones are the same float: codes of digits, then."""
    if pa.types.is_floating(cells.type) or (values := _float(cells)).size == 0 or not longest(values):
        return False
    known = cells.drop_null()
    return pc.count_distinct(known).as_py() > len(np.unique(_float(known)))


def _times(cells: pa.ChunkedArray) -> Any:
    column: Any = cells.to_pandas()
    return column.astype("str").mask(column.isna())


def _words(written: list[str], cells: pa.ChunkedArray, nan: bool = False) -> Any:
    missing = cells.is_null(nan_is_null=nan).to_numpy()
    return pd.Series(written, dtype="str").mask(missing)
