"""Cells of text as a table: numbers in one block of float64, other columns as words, verbatim."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as _compute

from auxin.data.reading.marks import AMONG_NUMBERS, MARKS

pc: Any = _compute  # its functions are made when it is imported, so that checkers know none
APART = 256
"""Tables of at most so many columns keep each by itself."""
_NUMBERLESS = pa.array(sorted(AMONG_NUMBERS))
_MARKS = pa.array(sorted(MARKS))


class Typed:
    """Collects batches of text cells and tells numbers from words.

    A column is numbers where every cell is a plain number or a mark of a missing value, and none begins with a zero
    and another digit (01 is a code). Other columns are words: blanks around them are left out, marks are missing.

    Args:
        names: The columns.
        verbatim: Columns that stay words, in which only empty cells are missing.
        zeros: Whether any cell may begin with a zero and another digit.

    Attributes:
        late: Columns that looked like numbers in the first batch and are words; their cells are wanted again.
    """

    def __init__(self, names: Sequence[str], verbatim: Collection[str], zeros: bool) -> None:
        self.names, self.verbatim, self.zeros = list(names), set(verbatim), zeros
        self.late: list[str] = []
        self._numbers: list[str] | None = None
        self._block = np.empty((0, 0))
        self._rows = 0
        self._words: dict[str, list[pa.Array]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows."""
        if self._numbers is None:
            self._first(batch)
            return
        numbers = self._numbers
        self._grow(batch.num_rows)
        for place, name in enumerate(numbers):
            if name not in self.late:
                values = numbers_of(batch.column(name), self.zeros)
                if values is None:
                    self.late.append(name)
                else:
                    self._block[self._rows : self._rows + len(values), place] = values
        for name, parts in self._words.items():
            parts.append(batch.column(name))
        self._rows += batch.num_rows

    def _first(self, batch: pa.RecordBatch) -> None:
        found = {}
        for name in self.names:
            cells = batch.column(name)
            values = None if name in self.verbatim else numbers_of(cells, self.zeros)
            if values is None:
                self._words[name] = [cells]
            else:
                found[name] = values
        self._numbers = list(found)
        self._rows = batch.num_rows
        self._block = np.empty((self._rows, len(found)))
        for place, values in enumerate(found.values()):
            self._block[:, place] = values

    def _grow(self, rows: int) -> None:
        """Room for so many more rows; memory is taken in larger steps, and without a copy where the system can."""
        if self._rows + rows > len(self._block):
            more = max(rows, len(self._block) // 8)
            self._block.resize((self._rows + more, self._block.shape[1]), refcheck=False)

    def again(self, batch: pa.RecordBatch) -> None:
        """The next rows of the late columns."""
        for name in self.late:
            self._words.setdefault(name, []).append(batch.column(name))

    def frame(self) -> pd.DataFrame:
        """The table."""
        numbers = self._numbers or []
        self._block.resize((self._rows, self._block.shape[1]), refcheck=False)
        block, kept = self._block, [name for name in numbers if name not in self.late]
        if len(kept) < len(numbers):
            block = block[:, [place for place, name in enumerate(numbers) if name in set(kept)]]
        frame: Any = pd.DataFrame(block, columns=pd.Index(kept, dtype=object), copy=False)
        if not self._words:
            return frame
        words = {
            name: words_of(pa.chunked_array(parts, pa.string()), name in self.verbatim)
            for name, parts in self._words.items()
        }
        if len(words) > 64:  # one by one would take quadratic time
            joined: Any = pd.concat([frame, pd.DataFrame(words)], axis=1)
            return joined[self.names]
        for place, name in enumerate(self.names):
            if name in words:
                frame.insert(place, name, words[name])
        return frame


def frame_of(
    names: Sequence[str],
    numbers: Collection[str],
    parts: dict[str, list[pa.Array]],
    verbatim: Collection[str],
) -> Any:
    """The table of columns in parts, `numbers` as float64; parts are let go as they are used.

    Few columns stay apart, so that leaving one out copies none; many are one block, which pandas is faster with.
    """
    place = set(numbers)
    words = {
        n: words_of(pa.chunked_array(parts.pop(n), pa.string()), n in verbatim)
        for n in names
        if n not in place
    }
    columns = {n: _joined(parts.pop(n)) for n in numbers}
    if len(names) <= APART:
        return pd.DataFrame({n: columns[n] if n in place else words[n] for n in names}, copy=False)
    rows = len(next(iter(columns.values()))) if columns else 0
    block = np.empty((rows, len(columns)), order="F")
    for number, values in enumerate(columns.values()):
        block[:, number] = values
    frame: Any = pd.DataFrame(block, columns=pd.Index(list(columns), dtype=object), copy=False)
    joined: Any = pd.concat([frame, pd.DataFrame(words)], axis=1) if words else frame
    return joined[list(names)] if words else joined


def _joined(parts: list[pa.Array]) -> np.ndarray:
    """A column's parts as one array, without a copy of a single one."""
    if len(parts) == 1:
        return parts[0].to_numpy(zero_copy_only=False)
    rows, begin = sum(map(len, parts)), 0
    made = np.empty(rows)
    while parts:
        values = parts.pop(0).to_numpy(zero_copy_only=False)
        made[begin : begin + len(values)] = values
        begin += len(values)
    return made


def numbers_of(cells: pa.Array, zeros: bool = True) -> np.ndarray | None:
    """Cells as float64, NaN where missing; None where a cell is no plain number, or a code such as 01."""
    if _wordy(cells) or (zeros and _code(cells)):
        return None
    try:
        return _float(cells)
    except pa.ArrowInvalid:
        pass
    plain = pc.utf8_trim_whitespace(cells)
    plain = pc.if_else(pc.is_in(plain, _NUMBERLESS), None, plain)
    if zeros and _code(plain):
        return None
    try:
        return _float(plain)
    except pa.ArrowInvalid:
        return None


def _wordy(cells: pa.Array) -> bool:
    """Whether one of the first cells is a word: a cast of many words takes long to fail."""
    for cell in cells[:3].to_pylist():
        if cell is not None and (text := cell.strip()) not in AMONG_NUMBERS:
            try:
                float(text)
            except ValueError:
                return True
    return False


def _float(cells: pa.Array) -> np.ndarray:
    made = cells.cast(pa.float64())
    return made.to_numpy(zero_copy_only=False)


def _code(cells: pa.Array) -> bool:
    """Whether a cell begins with 0 and another digit."""
    if not len(cells):
        return False
    _, offsets, data = cells.buffers()
    if data is None:
        return False
    content = np.frombuffer(data, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    starts = ends[:-1][np.diff(ends) > 1]
    starts = starts[content[starts] == ord("0")]
    second = content[starts + 1]
    return bool(((second >= ord("0")) & (second <= ord("9"))).any())


def words_of(cells: Any, verbatim: bool = False) -> Any:
    """Cells as words without blanks around them; marks are missing, of verbatim columns only empty cells."""
    plain = pc.utf8_trim_whitespace(cells)
    missing = pc.equal(plain, "") if verbatim else pc.is_in(plain, _MARKS)
    return pc.if_else(missing, None, plain).to_pandas().astype("str")
