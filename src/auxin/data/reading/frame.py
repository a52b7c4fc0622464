"""Tables read by pandas: CSV, TSV, Parquet and ARFF, with clear errors instead of guesses."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.io import arff

from auxin.data.reading.files import damaged
from auxin.errors import ConfigError, DataError, message

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".data")
SUFFIXES = (*TEXT, ".parquet", ".arff")


_DAMAGE = (arff.ArffError, ValueError, OSError, EOFError, StopIteration, zlib.error)


def read_frame(path: Path, encoding: str = "utf-8") -> pd.DataFrame:
    """A table with at least one row, whose columns have different names; empty cells are missing.

    Blanks around names and words are left out.

    Raises:
        DataError: the file is missing, empty, damaged, or its columns are not clear.
    """
    if not path.is_file():
        raise DataError(message(f"There is no file {path}", do="Correct the path"))
    encoding = _known(encoding)
    try:
        frame: Any = _read(path, encoding)
    except UnicodeError as error:
        likely = (
            "utf-16" if path.read_bytes()[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin-1"
        )
        do = f"Name its encoding, for example: --encoding {likely}"
        raise damaged(path, f"text in {encoding.removesuffix('-sig')}", error, do) from error
    except _DAMAGE as error:
        do = "Give every row as many fields as the header has"
        raise damaged(
            path, "a table with a header", str(error).strip() or type(error).__name__, do
        ) from error
    frame.columns = [str(column).strip() for column in frame.columns]
    if twice := sorted({name for name in frame.columns if list(frame.columns).count(name) > 1}):
        numbers = all(name.replace(".", "").replace("-", "").isdecimal() for name in frame.columns)
        do = (
            "Its first line is numbers: put a line with the columns' names above it"
            if numbers
            else "Rename them"
        )
        raise damaged(path, "columns of different names", f"several called {', '.join(twice)}", do)
    if frame.empty:
        raise damaged(path, "at least one row below the header", "none", "Check the file")
    return _with_marks(_stripped(frame))


def _with_marks(frame: Any) -> Any:
    """Words that are numbers written with commas, as numbers: 1,5 in a file of semicolons, 1,234 in one of commas.

    What was decided is in the table's attribute `attrs["notes"]`.
    """
    found: dict[str, list[str]] = {}
    for name in frame.columns:
        if not pd.api.types.is_string_dtype(frame[name].dtype) or frame[name].dtype == object:
            continue
        known = frame[name].dropna()
        for what, pattern, to in _COMMAS:
            if known.str.contains(",").any() and known.str.fullmatch(pattern).all():
                frame[name] = pd.to_numeric(frame[name].str.replace(",", to, regex=False))
                found.setdefault(what, []).append(name)
                break
    frame.attrs["notes"] = [
        f"Read as numbers with {what}: {', '.join(names)}." for what, names in found.items()
    ]
    return frame


_COMMAS = (
    ("commas between thousands", r"[+-]?(\d{1,3}(,\d{3})+|\d{1,3})(\.\d+)?", ""),
    ("decimal commas", r"[+-]?\d+(,\d+)?", "."),
)
"""How numbers are written with commas: what to call it, its pattern, and what stands for the comma. 1,234 throughout is
taken for thousands."""


def _known(encoding: str) -> str:
    """The encoding by its proper name; of utf-8, the one that skips a byte order mark."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise ConfigError(
            message("The encoding is unknown", found=repr(encoding), do="Try utf-8 or latin-1")
        ) from error
    return "utf-8-sig" if name == "utf-8" else name


def _stripped(frame: Any) -> Any:
    """Words without blanks around them; cells of blanks alone are empty."""
    for name in frame.columns:
        if not pd.api.types.is_string_dtype(frame[name].dtype) or frame[name].dtype == object:
            continue
        words = frame[name].str.strip()
        frame[name] = words.mask(words == "")
    return frame


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


def with_unlabelled(
    frame: pd.DataFrame, path: Path | None, encoding: str, main: Sequence[str], split: str | None = None
) -> Any:
    """The table with the rows of another one below it, which have no main label.

    Args:
        frame: the table.
        path: the other one; None: there is none. A main label that it holds is not looked at.
        encoding: of text files.
        main: the columns of the main task.
        split: the column that marks test rows, of which the other table has none.

    Raises:
        DataError: the other table has no column of the first, or cannot be read.
    """
    if path is None:
        return frame
    more: Any = read_frame(path, encoding).drop(columns=list(main), errors="ignore")
    shared = [name for name in more.columns if name in frame.columns]
    if not shared:
        raise DataError(
            message(
                f"{path} has no column of the labelled table",
                expected=f"some of: {', '.join(map(str, frame.columns))}",
                found=", ".join(map(str, more.columns)),
            )
        )
    more = more[shared].assign(**({split: "train"} if split else {}))
    return pd.concat([frame, more], ignore_index=True)
