"""Delimited text (CSV, TSV) read by pyarrow, every cell as text first, so that nothing is rewritten."""

import csv
import gzip
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as _compute
import pyarrow.csv as arrow_csv

from auxin.data.reading import decimal_mark
from auxin.data.reading.files import damaged, readable
from auxin.data.reading.marks import AMONG_NUMBERS, BETWEEN, COMMAS
from auxin.data.reading.typed import TypedColumns, numbers_of, words_of
from auxin.errors import DataError

pc: Any = _compute  # its functions are made when it is imported, so that checkers know none
BLOCK = 1 << 20
"""Bytes that are parsed at once."""
PART = 1 << 24
"""Bytes that are predicted at once."""
FIRST = 1 << 18
"""Bytes by which columns of numbers are told from words."""
RARE = pa.array(sorted(mark for mark in AMONG_NUMBERS if mark.startswith(("-", ".", "1"))))
"""Marks that begin as numbers do: looking for them takes a sixth of the time, so only where a file begins so."""
PIECE = 1 << 17
"""Bytes that are looked at at once: they stay in a processor's cache."""
WIDEST = 1 << 30
"""Bytes that a row may have."""


@dataclass(frozen=True)
class Delimited:
    """How a file is written.

    Attributes:
        path: The file.
        encoding: Its encoding, by Python's name.
        names: The columns' names.
        separator: What stands between two fields.
        lines: How many lines the header takes; Excel's line `sep=;` counts as one.
    """

    path: Path
    encoding: str
    names: list[str]
    separator: str
    lines: int

    @property
    def packed(self) -> bool:
        """Whether it is gzipped."""
        return self.path.suffix.lower() == ".gz"


def header(path: Path, encoding: str) -> Delimited:
    """What the first line says."""
    with _opened(path, encoding) as stream:
        line = stream.readline()
        above = line if re.fullmatch(r'"?sep=[,;\t|]"?', line.strip(), re.I) else ""
        line = stream.readline() if above else line
        if not line.strip():
            do = "Begin the file with a line of the columns' names"
            raise damaged(path, "a table with a header", "the first line is empty", do)
        fields = {mark: len(next(csv.reader([line], delimiter=mark))) for mark in ",;\t|"}
        separator = max(fields, key=lambda mark: fields[mark])
        stream.seek(0)
        stream.read(len(above))
        reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
        with readable(path, "a line of the columns' names", csv.Error, do="Check the first line"):
            names = next(reader)
        names = [name.strip() for name in names]
        return Delimited(path, encoding, names, separator, reader.line_num + bool(above))


def _opened(path: Path, encoding: str) -> Any:
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rt", encoding=encoding, newline="")


def read_delimited(path: Path, encoding: str, verbatim: Collection[str]) -> pd.DataFrame:
    """The table; see `TypedColumns` for what a column becomes.

    Args:
        path: The file.
        encoding: Encoding of the file, by Python's name.
        verbatim: Columns that stay as they are written.
    """
    file = header(path, encoding)
    frame: Any = _table(file, set(verbatim))
    mark = decimal_mark.seen(frame)
    if mark == "," and (unsure := decimal_mark.maybe_thousands(frame)):
        words: Any = _table(file, {*verbatim, *unsure})
        frame = frame.assign(
            **{name: words[name] for name in unsure if decimal_mark.thousands(words[name].dropna().unique())}
        )
    frame.attrs |= {COMMAS: mark == "," or (not mark and file.separator == ";"), BETWEEN: mark == ","}
    return frame


def _table(file: Delimited, verbatim: set[str]) -> pd.DataFrame:
    if len(set(file.names)) < len(file.names):  # refused by the caller, by name
        return pd.DataFrame([[""] * len(file.names)], columns=pd.Index(file.names))
    zeros, quoted = _traits(file)
    if not zeros and not quoted:
        try:
            return _at_once(file, verbatim)
        except pa.ArrowInvalid:  # a column of numbers with words further down, or rows of odd lengths
            pass
    typed = TypedColumns(file.names, verbatim, zeros)
    try:
        if quoted:
            raise pa.ArrowInvalid("blanks stand before quotes")
        for batch in _batches(file):
            typed.rows = typed.rows or _expected_rows(file, batch.num_rows, BLOCK)
            typed.add(batch)
        if late := typed.late:
            for batch in _batches(file, only=late):
                typed.again(batch)
    except pa.ArrowInvalid:  # pandas reads more, or says better what is wrong
        typed = TypedColumns(file.names, verbatim, zeros=True)
        typed.add(_by_pandas(file))
    return typed.frame()


def read_parts(
    path: Path, encoding: str, verbatim: Collection[str], also: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The table some rows at a time, each part with the columns `also` as they are written."""
    file = header(path, encoding)
    zeros, quoted = _traits(file)
    done = 0
    try:
        if quoted:
            raise pa.ArrowInvalid("blanks stand before quotes")
        for batch in _batches(file, block=PART):
            yield _part(batch, verbatim, zeros, also, file.separator)
            done += batch.num_rows
    except pa.ArrowInvalid:
        yield _part(_by_pandas(file).slice(done), verbatim, True, also, file.separator)


def _part(
    batch: pa.RecordBatch, verbatim: Collection[str], zeros: bool, also: Sequence[str], separator: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    typed = TypedColumns(batch.schema.names, verbatim, zeros)
    typed.add(batch)
    beside = pd.DataFrame({name: words_of(batch.column(name), True) for name in also})
    frame = typed.frame()
    mark = decimal_mark.seen(frame)
    frame.attrs[COMMAS] = beside.attrs[COMMAS] = mark == "," or (not mark and separator == ";")
    return frame, beside


def _at_once(file: Delimited, verbatim: Collection[str]) -> Any:
    """The table where no cell begins with a zero and another digit: columns that begin as numbers are read as numbers.

    Raises:
        ArrowInvalid: such a column holds words further down.
    """
    first = next(_batches(file, block=FIRST), None)
    if first is None:
        raise pa.ArrowInvalid("there are no rows")
    wanted = [n for n in file.names if n not in verbatim and numbers_of(first.column(n), False) is not None]
    found = TypedColumns(
        file.names, verbatim, numbers=wanted, rows=_expected_rows(file, first.num_rows, FIRST)
    )
    cells = pa.chunked_array([first.column(n) for n in wanted], pa.string())
    rare = pc.any(pc.is_in(cells, RARE)).as_py()
    nulls = AMONG_NUMBERS if rare else AMONG_NUMBERS.difference(RARE.to_pylist())
    for batch in _batches(file, numbers=wanted, nulls=sorted(nulls)):
        found.add(batch)
    return found.frame()


def _expected_rows(file: Delimited, rows: int, block: int) -> int:
    """About how many rows the file has, rather more, by those of its first block of so many bytes."""
    return int(1.1 * max(file.path.stat().st_size / block, 1.0) * rows) + 1


def _batches(
    file: Delimited,
    *,
    only: list[str] | None = None,
    numbers: Sequence[str] = (),
    nulls: Sequence[str] = ("",),
    block: int = BLOCK,
) -> Iterator[pa.RecordBatch]:
    """Rows as cells of text; the columns `numbers` as float64, where the cells `nulls` are empty."""
    odd: list[Any] = []

    def refuse(row: Any) -> str:
        if odd_fields(row.text, file.separator, len(file.names)):
            odd.append(row)
        return "error"

    size = WIDEST if file.packed else file.path.stat().st_size
    read = arrow_csv.ReadOptions(
        use_threads=False,
        block_size=min(max(block, 64 * len(file.names)), max(size + 1, 1 << 16)),
        column_names=file.names,
        skip_rows=file.lines,
        encoding=file.encoding.removesuffix("-sig"),
    )
    parse = arrow_csv.ParseOptions(
        delimiter=file.separator, newlines_in_values=True, invalid_row_handler=refuse
    )
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(file.names, pa.string()) | dict.fromkeys(numbers, pa.float64()),
        null_values=list(nulls),
        strings_can_be_null=not numbers,
        quoted_strings_can_be_null=True,
        include_columns=only,
    )
    try:
        with pa.input_stream(str(file.path), compression="gzip" if file.packed else None) as stream:
            yield from arrow_csv.open_csv(stream, read, parse, convert)
    except pa.ArrowInvalid:
        if odd:
            where = f" in line {odd[0].number + file.lines - 1}" if odd[0].number is not None else ""
            raise _odd_row(file, odd[0].actual_columns, where, odd[0].text) from None
        raise


def odd_fields(line: str, separator: str, count: int) -> bool:
    """Whether a line has too few fields, or too many that hold something; an empty one has none."""
    fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return bool(line.strip()) and (len(fields) < count or any(field.strip() for field in fields[count:]))


def _odd_row(file: Delimited, found: int, where: str, text: str) -> DataError:
    count = len(file.names)
    do = "Complete the row, or fetch the file again if it was cut off"
    if found > count:
        do = "Put fields that hold the separator in double quotes"
    expected = f"{count} fields in every row, as in the header"
    return damaged(file.path, expected, f"{found}{where}: {text[:80]!r}", do)


def _by_pandas(file: Delimited) -> pa.RecordBatch:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _pandas(file)
    except (
        pd.errors.ParserWarning,
        pd.errors.ParserError,
    ):  # a row is longer than the header; pandas may cut it
        _refuse_long(file)
        with warnings.catch_warnings(action="ignore"):
            frame = _pandas(file)
    arrays = [
        pa.array(frame.iloc[:, place], pa.string(), from_pandas=True) for place in range(len(file.names))
    ]
    arrays = [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays]
    return pa.RecordBatch.from_arrays(arrays, file.names)


def _pandas(file: Delimited) -> Any:
    return pd.read_csv(
        file.path, sep=file.separator, encoding=file.encoding, skipinitialspace=True, index_col=False, header=None,
        names=file.names, skiprows=file.lines, dtype=str, keep_default_na=False, na_values=[""], on_bad_lines="error",
        low_memory=False,
    )  # fmt: skip


def _refuse_long(file: Delimited) -> None:
    with _opened(file.path, file.encoding) as stream:
        reader = csv.reader(stream, delimiter=file.separator, skipinitialspace=True)
        for fields in reader:
            if reader.line_num > file.lines and any(field.strip() for field in fields[len(file.names) :]):
                where = f" in line {reader.line_num}"
                raise _odd_row(file, len(fields), where, file.separator.join(fields))


def _traits(file: Delimited) -> tuple[bool, bool]:
    """Whether any field of the file may begin with 0 and another digit, and whether blanks stand before quotes."""
    if file.packed:
        return True, True
    zeros = quoted = False
    odd = f'{file.separator} "'.encode()
    for content in _pieces(file.path):
        zeros = zeros or _leading_zero(np.frombuffer(content, np.uint8), ord(file.separator))
        quoted = quoted or (b'"' in content and odd in content)
        if zeros and quoted:
            break
    return zeros, quoted


def _leading_zero(content: np.ndarray, separator: int) -> bool:
    """Whether 0 and another digit follow a separator, the end of a line, a blank or a quote."""
    before = content[:-2]
    found = content[1:-1] == ord("0")
    found &= content[2:] - np.uint8(ord("0")) < 10
    found &= (before <= ord('"')) | (before == separator)
    return bool(found.any())


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces, each behind the last two bytes of the one before; a mapped file would count as memory."""
    last = b"\n"
    with path.open("rb") as stream:
        while content := stream.read(PIECE):
            yield last + content
            last = (last + content)[-2:] if len(content) < 2 else content[-2:]
