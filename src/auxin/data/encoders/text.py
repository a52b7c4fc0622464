"""A column of text as TF-IDF: one input per frequent word."""

import html
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from auxin.data.encoders.cells import check_words
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify
from auxin.errors import DataError

MAX_WORDS = 4000
"""A text is described by this many words at most, unless the user says otherwise: the most frequent ones of the
training rows."""


@dataclass(frozen=True)
class TextEncoder(ColumnEncoder):
    """TF-IDF of the most frequent words of the rows it was fitted on; markup such as `<br />` is left out.

    scikit-learn's `TfidfVectorizer` with sublinear counts. A row's numbers have length 1, times the root of
    their count, so that they weigh about as much as standardised numbers do. Missing text has no words. `most` words
    at most are kept.
    """

    kind: ClassVar[str] = "text"
    vocabulary: tuple[str, ...] = ()
    idf: tuple[float, ...] = ()
    most: int = MAX_WORDS

    def __post_init__(self) -> None:
        if len(self.vocabulary) != len(self.idf) or len({*self.vocabulary}) != len(self.vocabulary):
            raise ValueError(f"{len(self.vocabulary)} words of {self.name} and {len(self.idf)} frequencies")
        if not all(0 < value < 1000 for value in self.idf):
            raise ValueError(f"an inverse document frequency of {self.name} is out of bounds")

    @property
    def width(self) -> int:
        """One per word."""
        return len(self.vocabulary)

    def fit(self, column: Column) -> "TextEncoder":
        """Vocabulary and inverse document frequencies."""
        least = 2 if len(column) >= 50 else 1
        vectorizer = self._vectorizer(min_df=least, max_features=self.most)
        try:
            vectorizer.fit(plain(column))
        except ValueError as error:  # scikit-learn's way to say that no word is left
            raise DataError(
                f"The text column {self.name!r} has no words in the training rows",
                expected="words of at least two letters",
                do=f"Leave it out: --ignore {self.name}",
            ) from error
        return TextEncoder(
            self.name, tuple(vectorizer.get_feature_names_out()), tuple(vectorizer.idf_.tolist()), self.most
        )

    def _vectorizer(self, **options: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **options)  # type: ignore[arg-type]

    def encode(self, column: Column, notify: Notify) -> Values:
        """A column per word."""
        del notify
        values = self.compressed(column).toarray()
        return values, np.broadcast_to(np.False_, values.shape)

    def compressed(self, column: Column) -> csr_matrix:
        """A column per word, sparse."""
        check_words(column)
        vectorizer = self._vectorizer(vocabulary=list(self.vocabulary))
        vectorizer.idf_ = np.array(self.idf, dtype=np.float32)  # pyright: ignore[reportAttributeAccessIssue]
        found: csr_matrix = vectorizer.transform(plain(column))  # type: ignore[assignment]
        found.data *= np.float32(len(self.vocabulary) ** 0.5)
        return found


def plain(column: Column) -> list[str]:
    """Text without markup, entities as the characters they stand for."""
    return [html.unescape(re.sub(r"<[^<>]+>", " ", text)) for text in column.fillna("").astype(str)]
