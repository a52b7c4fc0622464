"""Delimited text (CSV, TSV) read by pyarrow, every cell as text first, so that nothing is rewritten."""

import csv
import gzip
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
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
from auxin.data.reading.typed import NumberColumns, TypedColumns, numbers_of, words_of
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


def header(path: Path, encoding: str) -> tuple[list[str], str, int]:
    """The columns' names, the separator, and how many lines the header takes; Excel's line `sep=;` counts as one."""
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
        return [name.strip() for name in names], separator, reader.line_num + bool(above)


def _opened(path: Path, encoding: str) -> Any:
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rt", encoding=encoding, newline="")


def read_delimited(path: Path, encoding: str, verbatim: Collection[str]) -> pd.DataFrame:
    """The table; see `TypedColumns` for what a column becomes.

    Args:
        path: The file.
        encoding: Encoding of the file, by Python's name.
        verbatim: Columns that stay as they are written.
    """
    names, separator, lines = header(path, encoding)
    frame: Any = _table(path, encoding, names, separator, lines, set(verbatim))
    mark = decimal_mark.seen(frame)
    if mark == "," and (unsure := decimal_mark.maybe_thousands(frame)):
        words: Any = _table(path, encoding, names, separator, lines, {*verbatim, *unsure})
        frame = frame.assign(
            **{name: words[name] for name in unsure if decimal_mark.thousands(words[name].dropna().unique())}
        )
    frame.attrs |= {COMMAS: mark == "," or (not mark and separator == ";"), BETWEEN: mark == ","}
    return frame


def _table(
    path: Path, encoding: str, names: list[str], separator: str, lines: int, verbatim: set[str]
) -> pd.DataFrame:
    if len(set(names)) < len(names):  # refused by the caller, by name
        return pd.DataFrame([[""] * len(names)], columns=pd.Index(names))
    zeros, quoted = _traits(path, separator)
    if not zeros and not quoted:
        try:
            return _at_once(path, encoding, names, separator, lines, verbatim)
        except pa.ArrowInvalid:  # a column of numbers with words further down, or rows of odd lengths
            pass
    typed = TypedColumns(names, verbatim, zeros)
    try:
        if quoted:
            raise pa.ArrowInvalid("blanks stand before quotes")
        for batch in _batches(path, encoding, names, separator, lines):
            typed.add(batch)
        if late := typed.late:
            for batch in _batches(path, encoding, names, separator, lines, only=late):
                typed.again(batch)
    except pa.ArrowInvalid:  # pandas reads more, or says better what is wrong
        typed = TypedColumns(names, verbatim, zeros=True)
        typed.add(_by_pandas(path, encoding, names, separator, lines))
    return typed.frame()


def read_parts(
    path: Path, encoding: str, verbatim: Collection[str], also: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The table some rows at a time, each part with the columns `also` as they are written."""
    names, separator, lines = header(path, encoding)
    zeros, quoted = _traits(path, separator)
    done = 0
    try:
        if quoted:
            raise pa.ArrowInvalid("blanks stand before quotes")
        for batch in _batches(path, encoding, names, separator, lines, block=PART):
            yield _part(batch, verbatim, zeros, also, separator)
            done += batch.num_rows
    except pa.ArrowInvalid:
        rest = _by_pandas(path, encoding, names, separator, lines).slice(done)
        yield _part(rest, verbatim, True, also, separator)


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


def _at_once(
    path: Path, encoding: str, names: list[str], separator: str, lines: int, verbatim: Collection[str]
) -> Any:
    """The table where no cell begins with a zero and another digit: columns that begin as numbers are read as numbers.

    Raises:
        ArrowInvalid: such a column holds words further down.
    """
    first = next(_batches(path, encoding, names, separator, lines, block=FIRST), None)
    if first is None:
        raise pa.ArrowInvalid("there are no rows")
    wanted = [n for n in names if n not in verbatim and numbers_of(first.column(n), False) is not None]
    share = 1.1 * max(path.stat().st_size / FIRST, 1.0)  # of the file's size to the first block's
    found = NumberColumns(names, wanted, verbatim, int(share * first.num_rows) + 1)
    cells = pa.chunked_array([first.column(n) for n in wanted], pa.string())
    rare = pc.any(pc.is_in(cells, RARE)).as_py()
    nulls = AMONG_NUMBERS if rare else AMONG_NUMBERS.difference(RARE.to_pylist())
    for batch in _batches(path, encoding, names, separator, lines, numbers=wanted, nulls=sorted(nulls)):
        found.add(batch)
    return found.frame()


def _batches(
    path: Path,
    encoding: str,
    names: list[str],
    separator: str,
    lines: int,
    *,
    only: list[str] | None = None,
    numbers: Sequence[str] = (),
    nulls: Sequence[str] = ("",),
    block: int = BLOCK,
) -> Iterator[pa.RecordBatch]:
    """Rows as cells of text; the columns `numbers` as float64, where the cells `nulls` are empty."""
    odd: list[Any] = []

    def refuse(row: Any) -> str:
        if odd_fields(row.text, separator, len(names)):
            odd.append(row)
        return "error"

    size = path.stat().st_size if path.suffix.lower() != ".gz" else WIDEST
    options = {
        "read_options": arrow_csv.ReadOptions(
            use_threads=False,
            block_size=min(max(block, 64 * len(names)), max(size + 1, 1 << 16)),
            column_names=names,
            skip_rows=lines,
            encoding=encoding.removesuffix("-sig"),
        ),
        "parse_options": arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse
        ),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()) | dict.fromkeys(numbers, pa.float64()),
            null_values=list(nulls),
            strings_can_be_null=not numbers,
            quoted_strings_can_be_null=True,
            include_columns=only,
        ),
    }
    try:
        with pa.input_stream(
            str(path), compression="gzip" if path.suffix.lower() == ".gz" else None
        ) as stream:
            yield from arrow_csv.open_csv(stream, **options)
    except pa.ArrowInvalid:
        if odd:
            where = f" in line {odd[0].number + lines - 1}" if odd[0].number is not None else ""
            raise _odd_row(path, len(names), odd[0].actual_columns, where, odd[0].text) from None
        raise


def odd_fields(line: str, separator: str, count: int) -> bool:
    """Whether a line has too few fields, or too many that hold something; an empty one has none."""
    fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    return bool(line.strip()) and (len(fields) < count or any(field.strip() for field in fields[count:]))


def _odd_row(path: Path, count: int, found: int, where: str, text: str) -> DataError:
    do = "Complete the row, or fetch the file again if it was cut off"
    if found > count:
        do = "Put fields that hold the separator in double quotes"
    return damaged(
        path, f"{count} fields in every row, as in the header", f"{found}{where}: {text[:80]!r}", do
    )


def _by_pandas(path: Path, encoding: str, names: list[str], separator: str, lines: int) -> pa.RecordBatch:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _pandas(path, encoding, names, separator, lines)
    except (
        pd.errors.ParserWarning,
        pd.errors.ParserError,
    ):  # a row is longer than the header; pandas may cut it
        _refuse_long(path, encoding, names, separator, lines)
        with warnings.catch_warnings(action="ignore"):
            frame = _pandas(path, encoding, names, separator, lines)
    arrays = [pa.array(frame.iloc[:, place], pa.string(), from_pandas=True) for place in range(len(names))]
    arrays = [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays]
    return pa.RecordBatch.from_arrays(arrays, names)


def _pandas(path: Path, encoding: str, names: list[str], separator: str, lines: int) -> Any:
    return pd.read_csv(
        path, sep=separator, encoding=encoding, skipinitialspace=True, index_col=False, header=None, names=names,
        skiprows=lines, dtype=str, keep_default_na=False, na_values=[""], on_bad_lines="error", low_memory=False,
    )  # fmt: skip


def _refuse_long(path: Path, encoding: str, names: list[str], separator: str, lines: int) -> None:
    with _opened(path, encoding) as stream:
        reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
        for fields in reader:
            if reader.line_num > lines and any(field.strip() for field in fields[len(names) :]):
                text, where = separator.join(fields), f" in line {reader.line_num}"
                raise _odd_row(path, len(names), len(fields), where, text)


def _traits(path: Path, separator: str) -> tuple[bool, bool]:
    """Whether any field of the file may begin with 0 and another digit, and whether blanks stand before quotes."""
    if path.suffix.lower() == ".gz":
        return True, True
    zeros = quoted = False
    odd = f'{separator} "'.encode()
    for content in _pieces(path):
        zeros = zeros or _leading_zero(np.frombuffer(content, np.uint8), ord(separator))
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
