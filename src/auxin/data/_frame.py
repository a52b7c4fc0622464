"""Tables read by pandas: CSV, TSV, Parquet and ARFF, with clear errors instead of guesses."""

import codecs
import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.io import arff

from auxin.data._files import damaged
from auxin.errors import ConfigError, DataError, message

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".data")
SUFFIXES = (*TEXT, ".parquet", ".arff")


_DAMAGE = (arff.ArffError, ValueError, OSError, EOFError, StopIteration, zlib.error)


def read_frame(path: Path, encoding: str = "utf-8") -> pd.DataFrame:
    """A table with at least one row, whose columns have different names; empty cells are missing.

    Raises:
        DataError: the file is missing, empty, damaged, or its columns are not clear.
    """
    if not path.is_file():
        raise DataError(message(f"There is no file {path}", do="Correct the path"))
    _known(encoding)
    try:
        frame = _read(path, encoding)
    except UnicodeError as error:
        raise damaged(
            path, f"text in {encoding}", error, "Name its encoding, for example: --encoding latin-1"
        ) from error
    except _DAMAGE as error:
        do = "Give every row as many fields as the header has"
        raise damaged(
            path, "a table with a header", str(error).strip() or type(error).__name__, do
        ) from error
    frame.columns = [str(column).strip() for column in frame.columns]
    if twice := sorted({name for name in frame.columns if list(frame.columns).count(name) > 1}):
        raise damaged(path, "columns of different names", f"several called {', '.join(twice)}", "Rename them")
    if frame.empty:
        raise damaged(path, "at least one row below the header", "none", "Check the file")
    return frame


def _known(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise ConfigError(
            message("The encoding is unknown", found=repr(encoding), do="Try utf-8 or latin-1")
        ) from error


def _read(path: Path, encoding: str) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".arff":
        return _arff(path, encoding)
    separator = _separator(path, encoding)
    options: dict[str, Any] = {"sep": separator, "encoding": encoding, "skipinitialspace": True}
    header: Any = pd.read_csv(path, header=None, nrows=1, dtype=str, **options).iloc[0].fillna("").tolist()
    frame = pd.read_csv(path, index_col=False, on_bad_lines="error", low_memory=False, **options)
    frame.columns = header
    return frame


def _separator(path: Path, encoding: str) -> str:
    """The one of comma, semicolon, tab and bar that the header has most of."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding=encoding) as stream:
        line = stream.readline()
    if not line.strip():
        raise pd.errors.EmptyDataError("the first line is empty")
    fields = {mark: len(next(csv.reader([line], delimiter=mark))) for mark in ",;\t|"}
    return max(fields, key=lambda mark: fields[mark])


def _arff(path: Path, encoding: str) -> pd.DataFrame:
    records, _ = arff.loadarff(io.StringIO(path.read_text(encoding=encoding)))
    frame: Any = pd.DataFrame(records)
    for name in frame.columns:
        if frame[name].dtype == object:
            words = frame[name].str.decode("utf-8")
            frame[name] = words.mask(words == "?")
    return frame
