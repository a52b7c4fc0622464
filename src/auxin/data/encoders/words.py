"""A column of words as one input per category."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from auxin.data.encoders.cells import check_words
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import missing, unseen
from auxin.data.reading.marks import MARKS, TRUTH, truth


@dataclass(frozen=True)
class CategoryEncoder(ColumnEncoder):
    """One number per category: 1 where the row has it; none where it is missing, or was not seen in fitting.

    Where the categories are yes and no, however they were written, new rows may write them in another way.

    Attributes:
        name: Name of the column.
        categories: The words, sorted.
        most: Only so many of the most frequent words are categories; 0: all.
        gaps: Whether cells were missing, or unknown.
    """

    kind: ClassVar[str] = "words"
    unsaid: ClassVar[tuple[str, ...]] = ("most", "gaps")
    categories: tuple[str, ...] = ()
    most: int = 0
    gaps: bool = True

    @property
    def width(self) -> int:
        """One per category."""
        return len(self.categories)

    def fit(self, column: Column) -> "CategoryEncoder":
        """The categories in their sorted order."""
        codes, different = pd.factorize(column)
        words = [str(value) for value in different]
        if 0 < self.most < len(words):
            counts = np.bincount(codes[codes >= 0], minlength=len(words))
            chosen = sorted(range(len(words)), key=lambda place: (-counts[place], words[place]))[: self.most]
            words = [words[place] for place in chosen]
        if all(word.lower() in TRUTH for word in words):  # several spellings of yes and no are two categories
            words = [*{TRUTH[word.lower()]: word for word in reversed(words)}.values()]
        return replace(self, categories=tuple(sorted(set(words))), gaps=bool((codes < 0).any()))

    def encode(self, column: Column, notify: Notify) -> Values:
        """A column per category."""
        check_words(column)
        codes, different = pd.factorize(column)
        words = [str(value) for value in different]
        place = self._places()
        table = np.array([*(place.get(_meaning(word, place), -1) for word in words), -1])
        new = {w for w, number in zip(words, table[:-1], strict=True) if number < 0} - MARKS
        if not self.most and new:
            unseen(notify, self.name, new)
        empty = np.array([*(word in MARKS and word not in place for word in words), True])
        if not (self.gaps or self.most):
            missing(notify, self.name, int(empty[codes].sum()), "are in no category")
        hot = np.zeros((len(codes), self.width), np.float32)
        rows = np.flatnonzero(table[codes] >= 0)
        hot[rows, table[codes][rows]] = 1
        return hot, np.broadcast_to(np.False_, hot.shape)

    def _places(self) -> dict[str | float, int]:
        found: dict[str | float, int] = {word: number for number, word in enumerate(self.categories)}
        if truth(self.categories):
            found |= {TRUTH[word.lower()]: number for number, word in enumerate(self.categories)}
        return found


def _meaning(word: str, place: dict[str | float, int]) -> str | float:
    """The word, or, where it is no category, what it says of yes and no, or the category 1 for 1.0 and 1.0 for 1."""
    if word in place:
        return word
    other = word.removesuffix(".0") if word.endswith(".0") else f"{word}.0"
    return other if other in place else TRUTH.get(word.lower(), word)
