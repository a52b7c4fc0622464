"""A column of words as one input per category."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auxin.data.encoders.cells import check_words
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Say


@dataclass(frozen=True)
class Words(ColumnEncoder):
    """One number per category: 1 where the row has it; none where it is missing, or was not seen in fitting."""

    kind: ClassVar[str] = "words"
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """One per category."""
        return len(self.categories)

    def fit(self, column: Column) -> "Words":
        """The categories in their sorted order."""
        return Words(self.name, tuple(sorted({str(value) for value in column.dropna()})))

    def encode(self, where: str, column: Column, say: Say) -> Values:
        """A column per category."""
        check_words(where, column)
        known = column.notna().to_numpy()
        words = np.array([str(value) for value in column], dtype=object)
        place = {category: number for number, category in enumerate(self.categories)}
        codes = np.array([place.get(word, -1) if has else -1 for word, has in zip(words, known, strict=True)])
        if new := sorted(set(words[known & (codes < 0)])):
            shown = ", ".join(map(repr, new[:5])) + (" ..." if len(new) > 5 else "")
            say(f"Categories of {self.name!r} that no training row has count as missing: {shown}.")
        hot = np.equal.outer(codes, np.arange(len(self.categories)))
        return hot.astype(np.float64), np.zeros(hot.shape, bool)
