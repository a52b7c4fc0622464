"""A column of names or codes, nearly all of them different, by the words that they have in common."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from auxin.data.encoders.cells import check_words
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify

LEAST, SHARE, COMMON = 5, 0.02, 0.95
"""A word counts where it stands in at least so many cells, in this share of them, and in no more than that one."""
MOST = 50
_WORD = re.compile(r"\w+")
_RUN = re.compile(r"[^\W\d_]+|\d+")


@dataclass(frozen=True)
class FrequentWords(ColumnEncoder):
    """1 for each of the column's frequent words that stands in the row's cell; a missing cell has none.

    Words are runs of at least two letters, without digits: the titles of names, the prefixes of tickets.

    Attributes:
        name: Name of the column.
        words: The frequent words of the rows it was fitted on, sorted.
        parts: Whether a cell is a code, whose words are its runs of letters and the first digit of every number.

    >>> import pandas as pd
    >>> names = pd.Series([f"{title} {k}" for k, title in enumerate(["Mr", "Mrs", "Miss"] * 9)], name="name")
    >>> encoder = FrequentWords("name").fit(names)
    >>> encoder.words, encoder.encode(pd.Series(["Dr 7", "Mrs 5"]), print)[0].tolist()
    (('Miss', 'Mr', 'Mrs'), [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    """

    kind: ClassVar[str] = "frequent words"
    words: tuple[str, ...] = ()
    parts: bool = False

    @property
    def width(self) -> int:
        """One per word."""
        return len(self.words)

    def fit(self, column: Column) -> "FrequentWords":
        """The frequent words of these rows; those that the column has so far where these rows have none."""
        found = frequent(column, self.parts)
        return replace(self, words=found) if found else self

    def encode(self, column: Column, notify: Notify) -> Values:
        """A column per word."""
        del notify
        check_words(column)
        place = {word: number for number, word in enumerate(self.words)}
        hot = np.zeros((len(column), self.width), np.float32)
        for row, cell in enumerate(column.tolist()):
            hot[row, [place[word] for word in _words(cell, self.parts) if word in place]] = 1
        return hot, np.broadcast_to(np.False_, hot.shape)


def frequent(column: Column, parts: bool = False) -> tuple[str, ...]:
    """The words that stand in several cells, but not in nearly all, sorted; at most 50.

    Args:
        column: The cells.
        parts: Whether words are the parts of codes.

    >>> import pandas as pd
    >>> frequent(pd.Series([f"PAT-{k:04d}" for k in range(100)]))
    ()
    >>> frequent(pd.Series([f"{'AB'[k % 2]}{k:04d}" for k in range(100)]), parts=True)
    ('A', 'B')
    """
    counts: Counter[str] = Counter()
    for cell in column.tolist():
        counts.update(_words(cell, parts))
    known = int(column.notna().sum())
    least, most = max(LEAST, SHARE * known), COMMON * known
    chosen = [word for word, count in counts.items() if least <= count <= most]
    return tuple(sorted(sorted(chosen, key=lambda word: (-counts[word], word))[:MOST]))


def _words(cell: object, parts: bool) -> set[str]:
    """The words of a cell, or the parts of a code; none where it is missing."""
    if parts and isinstance(cell, str):
        return {run if run.isalpha() else f"{run[0]}..." for run in _RUN.findall(cell)}
    return {w for w in _WORD.findall(cell) if len(w) > 1 and w.isalpha()} if isinstance(cell, str) else set()
