"""Cells of text as a table: numbers in one block of float64, other columns as words, verbatim."""

from collections.abc import Collection, Sequence
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as _compute

from auxin.data.reading.marks import AMONG_NUMBERS, EXACT, MARKS, too_long

pc: Any = _compute  # its functions are made when it is imported, so that checkers know none
APART = 256
"""Tables of at most so many columns keep each by itself."""
UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"
"""Characters without a width, which web pages and joined files leave around words."""
_NUMBERLESS = pa.array(sorted(AMONG_NUMBERS))
_MARKS = pa.array(sorted(MARKS))


class TypedColumns:
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


class NumberColumns:
    """Takes rows whose columns of numbers are known, and writes them where they stay.

    Few columns stay apart, so that leaving one out copies none; many are one block, which pandas is faster with.

    Args:
        names: the columns.
        numbers: those of them that are numbers.
        verbatim: columns of words that stay as they are written.
        rows: about how many rows there will be.
    """

    def __init__(
        self, names: Sequence[str], numbers: Sequence[str], verbatim: Collection[str], rows: int
    ) -> None:
        self.names, self.numbers, self.verbatim = list(names), list(numbers), verbatim
        known = set(numbers)
        self._words: dict[str, list[pa.Array]] = {n: [] for n in names if n not in known}
        self._apart = [np.empty(rows) for _ in numbers]  # memory is taken as it is written to
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows."""
        end = self._rows + batch.num_rows
        if self._apart and end > len(self._apart[0]):
            self._grow(end + end // 2)
        for values, name in zip(self._apart, self.numbers, strict=True):
            values[self._rows : end] = batch.column(name).to_numpy(zero_copy_only=False)
            if longest(values[self._rows : end]):
                raise pa.ArrowInvalid(f"{name} holds whole numbers that may be codes")
        for name, parts in self._words.items():
            parts.append(batch.column(name))
        self._rows = end

    def _grow(self, rows: int) -> None:
        for place, values in enumerate(self._apart):
            self._apart[place] = np.empty(rows)
            self._apart[place][: self._rows] = values[: self._rows]

    def frame(self) -> pd.DataFrame:
        """The table."""
        words = {
            n: words_of(pa.chunked_array(parts, pa.string()), n in self.verbatim)
            for n, parts in self._words.items()
        }
        values = {n: one[: self._rows] for n, one in zip(self.numbers, self._apart, strict=True)}
        if len(self.names) <= APART:
            return pd.DataFrame({n: values[n] if n in values else words[n] for n in self.names}, copy=False)
        block = np.stack([*values.values()]) if values else np.empty((0, self._rows))
        frame: Any = pd.DataFrame(block.T, columns=pd.Index(self.numbers, dtype=object), copy=False)
        joined: Any = pd.concat([frame, pd.DataFrame(words)], axis=1) if words else frame
        return joined[self.names] if words else frame


def numbers_of(cells: pa.Array, zeros: bool = True) -> np.ndarray | None:
    """Cells as float64, NaN where missing; None where a cell is no plain number, or a code such as 01."""
    if _wordy(cells) or (zeros and _code(cells)):
        return None
    try:
        return _distinct(cells, _float(cells))
    except pa.ArrowInvalid:
        pass
    plain = pc.utf8_trim_whitespace(cells)
    plain = pc.if_else(pc.is_in(plain, _NUMBERLESS), None, plain)
    if zeros and _code(plain):
        return None
    try:
        return _distinct(plain, _float(plain))
    except pa.ArrowInvalid:
        return None


def longest(values: np.ndarray) -> bool:
    """Whether a number is so large that not every whole number of its size is a float64."""
    with np.errstate(invalid="ignore"):
        return bool(
            np.fmax.reduce(values, initial=0.0) >= EXACT or np.fmin.reduce(values, initial=0.0) <= -EXACT
        )


def _distinct(cells: pa.Array, values: np.ndarray) -> np.ndarray | None:
    """The values; None where different whole numbers became one float: codes of digits, which are words."""
    if not longest(values):
        return values
    known = np.flatnonzero(np.abs(values) >= EXACT)
    words = cells.take(pa.array(known)).to_pylist()
    return None if too_long(dict(zip(words, values[known].tolist(), strict=True))) else values


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


def _composed(words: Any) -> Any:
    """Words with every accent on its letter: an accent of its own looks the same, and makes no other word.

    pyarrow composes only from version 26 on.
    """
    several = pc.unique(words).drop_null()
    composed = pa.array([normalize("NFC", word) for word in several.to_pylist()], words.type)
    return composed.take(pc.index_in(words, several))


def words_of(cells: Any, verbatim: bool = False) -> Any:
    """Cells as words, without blanks and characters without a width around them.

    Marks are missing; of verbatim columns only empty cells are.
    """
    plain = pc.utf8_trim_whitespace(cells)
    if not pc.all(pc.string_is_ascii(plain)).as_py():
        plain = pc.utf8_trim_whitespace(pc.utf8_trim(plain, UNSEEN))
        plain = _composed(plain)
    missing = pc.equal(plain, "") if verbatim else pc.is_in(plain, _MARKS)
    words = pc.if_else(missing, None, plain).to_pandas()
    return words.astype("str").mask(words.isna())  # pandas 2 makes words of what is missing
