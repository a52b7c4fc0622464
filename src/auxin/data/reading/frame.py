"""Tables in files: CSV, TSV, Parquet and ARFF, with clear errors instead of guesses."""

import codecs
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from auxin.data.reading.arff import arff_columns, read_arff
from auxin.data.reading.columnar import parquet_parts, read_parquet
from auxin.data.reading.delimited import header, read_delimited
from auxin.data.reading.delimited import read_parts as delimited_parts
from auxin.data.reading.files import damaged, header_hint
from auxin.errors import ConfigError, DataError, naming, shortened

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".data")
SUFFIXES = (*TEXT, ".parquet", ".arff")
PACKED = {
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x1f\x8b": "gzip",
}
"""How packed files begin."""
_DAMAGE = (ValueError, OSError, EOFError, StopIteration, zlib.error, pa.ArrowException, NotImplementedError)


def read_frame(path: Path, encoding: str = "utf-8", verbatim: Collection[str] = ()) -> pd.DataFrame:
    """A table with at least one row, whose columns have different names.

    A column is numbers (float64) where all its cells are plain numbers or marks of a missing value; else it is words,
    as they are written, without the blanks around them. Integers with leading zeros are words.

    Args:
        path: The file.
        encoding: Encoding of text files.
        verbatim: Columns whose cells are wanted as they are written, and only empty ones missing.

    Raises:
        DataError: The file is missing, empty, damaged, or its columns are not clear.
    """
    with _reading(path, encoding) as encoding:
        if path.suffix.lower() == ".parquet":
            frame = read_parquet(path, verbatim)
        elif path.suffix.lower() == ".arff":
            frame = read_arff(path, encoding, verbatim)
        else:
            frame = read_delimited(path, encoding, verbatim)
        return _named(frame)


def read_parts(
    path: Path, encoding: str, verbatim: Collection[str], also: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The table some rows at a time, so that its size is no matter; their index holds the rows' numbers.

    Args:
        path: The file.
        encoding: Encoding of text files.
        verbatim: As for `read_frame`.
        also: Columns that are wanted beside the table, as they are written.

    Raises:
        DataError: As `read_frame`.
    """
    begin = 0
    columns_of(path, encoding)  # refuses columns of one name
    with _reading(path, encoding) as encoding:
        for part, beside in _parts(path, encoding, verbatim, also):
            frame = _named(part)
            frame.index = pd.RangeIndex(begin, begin := begin + len(frame))
            yield frame, beside.set_axis(frame.index)
        if not begin:
            raise _no_rows()


def _parts(
    path: Path, encoding: str, verbatim: Collection[str], also: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    if path.suffix.lower() == ".parquet":
        yield from parquet_parts(path, verbatim, also)
    elif path.suffix.lower() == ".arff":
        whole: Any = read_arff(path, encoding, also)
        yield read_arff(path, encoding, verbatim), whole[list(also)]
    else:
        yield from delimited_parts(path, encoding, verbatim, also)


def _named(frame: Any) -> pd.DataFrame:
    """A table with its columns' names as words, each once, and at least one row."""
    names = [str(column).strip() for column in frame.columns]
    _refuse_twice(names)
    frame.columns = names
    if frame.empty:
        raise _no_rows()
    return frame


def _no_rows() -> DataError:
    return damaged("The table", "at least one row below the header", "none", "Check the file")


@contextmanager
def _reading(path: Path, encoding: str) -> Iterator[str]:
    """Yield the encoding by its proper name. What readers raise about the file becomes a DataError that names it."""
    if os.path.isdir(path):
        raise DataError(f"{shortened(path)} is a folder", expected="the file of a table")
    if not is_file(path):
        raise DataError(f"There is no file {shortened(path)}", do="Correct the path")
    encoding = _known(encoding)
    _refuse_utf8(path, encoding)
    try:
        with naming(path):
            yield encoding
    except DataError:
        raise
    except UnicodeError as error:
        do = f"Name its encoding, for example: --encoding {_likely(path)}"
        for begin, kind in PACKED.items():
            if path.read_bytes()[:6].startswith(begin):
                do = f"It is packed by {kind}: unpack it first (only .gz is read as it is)"
        raise damaged(path, f"text in {encoding.removesuffix('-sig')}", error, do) from error
    except _DAMAGE as error:
        do = "Give every row as many fields as the header has"
        raise damaged(
            path, "a table with a header", str(error).strip() or type(error).__name__, do
        ) from error


def _likely(path: Path) -> str:
    """The encoding that a file which is not in the given one may have."""
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    return "utf-8" if _is_utf8(head) else "latin-1"


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


SINGLE = ("iso8859", "cp125", "mac")
"""How the names of encodings begin in which every byte is a character, so that UTF-8 becomes other letters."""


def _refuse_utf8(path: Path, encoding: str) -> None:
    """Refuse a file of UTF-8 that would be read in another encoding: such text is hardly ever UTF-8 by chance."""
    if not encoding.startswith(SINGLE) or not path.name.lower().endswith((".csv", ".tsv", ".data", ".arff")):
        return
    with path.open("rb") as stream:
        head = stream.read(1 << 20)
    if not head.isascii() and _is_utf8(head):
        raise damaged(path, f"text in {encoding}", "UTF-8", "Name its encoding: --encoding utf-8")


def columns_of(path: Path, encoding: str = "utf-8") -> tuple[list[str], list[str]]:
    """The names of a file's columns, and of those that the file itself says are labels (MEKA's and Mulan's ARFF).

    Raises:
        DataError: As `read_frame`.
    """
    labels: list[str] = []
    with _reading(path, encoding) as encoding:
        if path.suffix.lower() == ".parquet":
            names = list(pq.read_schema(path).names)
        elif path.suffix.lower() == ".arff":
            names, labels = arff_columns(path, encoding)
        else:
            names = header(path, encoding).names
        _refuse_twice(names)
    return names, labels


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the system cannot hold is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _refuse_twice(names: list[str]) -> None:
    if len(set(names)) == len(names):
        return
    twice = sorted({name for name in names if names.count(name) > 1})
    called = f"several called {', '.join(twice)}" if any(twice) else "several without a name"
    raise damaged("The table", "columns of different names", called, header_hint(names) or "Rename them")


def _known(encoding: str) -> str:
    """The encoding by its proper name; of utf-8, the one that skips a byte order mark."""
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise ConfigError(
            "The encoding is unknown", found=repr(encoding), do="Try utf-8 or latin-1"
        ) from error
    return "utf-8-sig" if name == "utf-8" else name


def with_unlabelled(
    frame: pd.DataFrame,
    path: Path | None,
    encoding: str,
    main: Sequence[str],
    split: str | None = None,
    verbatim: Collection[str] = (),
) -> Any:
    """The table with the rows of another one below it, which have no main label.

    Args:
        frame: The table.
        path: The other one; None: there is none. A main label that it holds is not looked at.
        encoding: Encoding of text files.
        main: The columns of the main task.
        split: The column that marks test rows, of which the other table has none.
        verbatim: As for `read_frame`.

    Raises:
        DataError: The other table has no column of the first, or cannot be read.
    """
    if path is None:
        return frame
    # where other rows are put below columns of words, theirs are words too
    worded = [str(name) for name, kind in frame.dtypes.items() if kind != np.float64]
    more: Any = read_frame(path, encoding, [*verbatim, *worded]).drop(columns=list(main), errors="ignore")
    shared = [name for name in more.columns if name in frame.columns]
    if not shared:
        raise DataError(
            f"{path} has no column of the labelled table",
            expected=f"some of: {', '.join(map(str, frame.columns))}",
            found=", ".join(map(str, more.columns)),
        )
    more = more[shared].assign(**({split: "train"} if split else {}))
    return pd.concat([frame, more], ignore_index=True)
