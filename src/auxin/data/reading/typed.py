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
MANY = 64
"""So many columns of words are put between columns of numbers one by one; more would take quadratic time."""
UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"
"""Characters without a width, which web pages and joined files leave around words."""
_NUMBERLESS = pa.array(sorted(AMONG_NUMBERS))
_MARKS = pa.array(sorted(MARKS))


class TypedColumns:
    """Collects batches of cells and tells numbers from words.

    A column is numbers where every cell is a plain number or a mark of a missing value, and none begins with a zero
    and another digit (01 is a code). Other columns are words: blanks around them are left out, marks are missing.

    Args:
        names: The columns.
        verbatim: Columns that stay words, in which only empty cells are missing.
        zeros: Whether any cell may begin with a zero and another digit.
        numbers: The columns that come as float64, where that is known; else the first batch tells which are numbers.
        rows: About how many rows there will be, where that is known.

    Attributes:
        rows: The same; it may be set before the first batch.
        late: Columns that looked like numbers in the first batch and are words; their cells are wanted again.
    """

    def __init__(
        self,
        names: Sequence[str],
        verbatim: Collection[str],
        zeros: bool = False,
        numbers: Sequence[str] | None = None,
        rows: int = 0,
    ) -> None:
        self.names, self.verbatim, self.zeros = list(names), set(verbatim), zeros
        self.late: list[str] = []
        self.rows = rows
        known = set(names if numbers is None else numbers) - self.verbatim
        self._words: dict[str, list[pa.Array]] = {n: [] for n in names if n not in known}
        self._block: np.ndarray | None = None
        self._numbers: dict[str, np.ndarray] = {}
        self._done = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows."""
        for name in self.names:
            if name in self._words:
                self._words[name].append(batch.column(name))
            elif name not in self.late:
                values = self._values(batch.column(name))
                if values is not None:
                    self._put(name, values)
                elif name in self._numbers:
                    self.late.append(name)
                else:
                    self._words[name] = [batch.column(name)]
        self._done += batch.num_rows

    def _values(self, cells: pa.Array) -> np.ndarray | None:
        if not pa.types.is_floating(cells.type):
            return numbers_of(cells, self.zeros)
        values = cells.to_numpy(zero_copy_only=False)
        if longest(values):
            raise pa.ArrowInvalid("whole numbers may be codes")
        return values

    def _put(self, name: str, values: np.ndarray) -> None:
        """Write the next numbers where they stay: few columns apart, so that leaving one out copies none; many as the
        rows of one block, which pandas is faster with. Memory is taken as it is written to.
        """
        end = self._done + len(values)
        if name not in self._numbers:
            room = max(self.rows, end)
            if self._block is None and len(self.names) > APART:
                self._block = np.empty((len(self.names), room))
            number = len(self._numbers)
            self._numbers[name] = np.empty(room) if self._block is None else self._block[number]
        if end > len(self._numbers[name]):  # of more rows than expected
            self._numbers[name] = np.append(
                self._numbers[name][: self._done], np.empty(end // 2 + len(values))
            )
        self._numbers[name][self._done : end] = values

    def again(self, batch: pa.RecordBatch) -> None:
        """The next rows of the late columns."""
        for name in self.late:
            self._words.setdefault(name, []).append(batch.column(name))

    def frame(self) -> pd.DataFrame:
        """The table."""
        words = {
            n: words_of(pa.chunked_array(parts, pa.string()), n in self.verbatim)
            for n, parts in self._words.items()
        }
        values = {n: room[: self._done] for n, room in self._numbers.items() if n not in self.late}
        if len(self.names) <= APART:
            both = {**values, **words}
            return pd.DataFrame({n: both[n] for n in self.names if n in both}, copy=False)
        block = np.empty((0, self._done)) if self._block is None else self._block[: len(values), : self._done]
        if self.late or any(room.base is not self._block for room in self._numbers.values()):
            block = np.stack([*values.values()]) if values else np.empty((0, self._done))
        frame: Any = pd.DataFrame(block.T, columns=pd.Index([*values], dtype=object), copy=False)
        if len(words) > MANY:
            joined: Any = pd.concat([frame, pd.DataFrame(words)], axis=1)
            return joined[self.names]
        for place, name in enumerate(self.names):
            if name in words:
                frame.insert(place, name, words[name])
        return frame


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
