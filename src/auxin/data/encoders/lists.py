"""A column whose cells list several words, as one input per word."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from auxin.data.encoders.cells import check_words
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import unseen
from auxin.data.targets.lists import bracketed, listed, says_lists, separator_of, split, vectors
from auxin.errors import DataError

LENGTH = 3
"""Words of lists have so many parts at most on average; longer ones are text."""


@dataclass(frozen=True)
class ListEncoder(ColumnEncoder):
    """1 for each word that the row's cell lists; a missing cell lists none.

    Attributes:
        name: Name of the column.
        words: The words that the rows it was fitted on list, sorted.
        mark: What stands between them, or "" where they are in brackets.
        most: Only so many of the most frequent words.

    >>> column = pd.Series(["a;b", "b", None], name="tags")
    >>> ListEncoder("tags").fit(column).encode(column, print)[0].tolist()
    [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
    """

    kind: ClassVar[str] = "lists"
    words: tuple[str, ...] = ()
    mark: str = ""
    most: int = 100

    @property
    def width(self) -> int:
        """One per word."""
        return len(self.words)

    def fit(self, column: Column) -> "ListEncoder":
        """The words."""
        counts = column.value_counts()
        cells = [str(cell) for cell in counts.index]
        mark = "" if any(map(bracketed, cells)) else separator_of(cells) or self.mark
        made, total = replace(self, mark=mark), Counter[str]()
        for cell, count in zip(cells, counts.tolist(), strict=True):
            total.update(dict.fromkeys(made._listed(cell), count))
        chosen = sorted(total, key=lambda word: (-total[word], word))[: self.most]
        return replace(made, words=tuple(sorted(chosen)))

    def _listed(self, cell: str) -> frozenset[str]:
        return split(cell, self.mark) if self.mark else listed(self.name, [cell]).cells[cell]

    def encode(self, column: Column, notify: Notify) -> Values:
        """A column per word."""
        check_words(column)
        codes, different = pd.factorize(column)
        cells = [str(cell) for cell in different]
        found = {cell: self._listed(cell) for cell in cells}
        if len(self.words) < self.most and (
            new := {w for cell in cells for w in found[cell]} - {*self.words}
        ):
            unseen(notify, self.name, new)
        table = np.array([*([w in found[cell] for w in self.words] for cell in cells), [False] * self.width])
        hot = table.reshape(-1, self.width)[codes].astype(np.float32)
        return hot, np.broadcast_to(np.False_, hot.shape)


def lists_words(name: str, cells: list[str]) -> bool:
    """Whether different cells list words: in brackets, or between separators, fewer words than there are cells.

    Raises:
        DataError: They list numbers.

    >>> lists_words("tags", ["a;b", "b", "a", "a;b;c"]), lists_words("note", ["so; and", "well"])
    (True, False)
    """
    if vectors(cells) is not None:
        raise DataError(
            f"The column {name!r} holds lists of numbers",
            expected="a number or a word per cell",
            found=cells[0][:80],
            do=f"Spread it over columns, or leave it out: --ignore {name}",
        )
    if len(cells) < 2 or not says_lists(cells):
        return False
    found = listed(name, cells)
    short = np.mean([len(word.split()) for word in found.labels]) <= LENGTH if found.labels else False
    return bool(short) and (len(found.labels) < len(cells) or all(map(bracketed, cells)))
