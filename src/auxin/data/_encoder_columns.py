"""Columns of a table as numbers: numbers, categories and text, each fitted on rows and kept for new ones."""

import html
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from auxin.data._encoder import Say
from auxin.errors import DataError, message

Column = Any
"""A pandas Series; pandas has no types that a checker can follow."""
Values = tuple[np.ndarray, np.ndarray]
"""Numbers [N, K] and which of them are missing, bool [N, K]."""
MOST_CATEGORIES = 100
"""An input column of single words with more different values than this is an ID, unless said otherwise."""
MOST_WORDS = 4000
"""A text is described by this many words at most: the most frequent ones of the training rows."""
MOST_VALUES = 2**27
"""Rows times words at most, half a gigabyte: of more rows fewer words are kept, down to `LEAST_WORDS`."""
LEAST_WORDS = 256
HUGE = 2.0**63
"""Whole numbers beyond this are read as words by pandas, which they are not."""
TEXT_LENGTH = 4
"""Words with more different values than a category has are text if they hold this many words on average."""


@dataclass(frozen=True)
class ColumnEncoder(ABC):
    """One column of a table.

    Attributes:
        name: the column's.
    """

    name: str
    kind: ClassVar[str]

    @abstractmethod
    def fit(self, column: Column) -> "ColumnEncoder":
        """The same, with what is learned from rows learned from these."""

    @abstractmethod
    def encode(self, where: str, column: Column, say: Say) -> Values:
        """The rows' numbers."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many inputs it makes."""

    def state(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Numbers(ColumnEncoder):
    """One number, and a second one that says where it is missing if it ever was in the rows it was fitted on.

    >>> Numbers("age", gaps=True).encode("t.csv", pd.Series([3.0, np.nan], name="age"), print)[0].tolist()
    [[3.0, 0.0], [0.0, 1.0]]
    """

    kind: ClassVar[str] = "numbers"
    gaps: bool = False

    @property
    def width(self) -> int:
        """1, or 2 with gaps."""
        return 1 + self.gaps

    def fit(self, column: Column) -> "Numbers":
        """Whether there are gaps."""
        return Numbers(self.name, bool(column.isna().any()))

    def encode(self, where: str, column: Column, say: Say) -> Values:
        """Numbers, 0 where missing."""
        numbers = as_numbers(where, column)
        empty = np.isnan(numbers)
        if empty.any() and not self.gaps:
            say(
                f"{int(empty.sum()):,} missing values of {self.name!r}, of which no training row misses any, "
                "stand for its mean."
            )
        values = [np.nan_to_num(numbers), empty.astype(np.float64)][: self.width]
        blank = [empty, np.zeros_like(empty)][: self.width]
        return np.stack(values, 1), np.stack(blank, 1)


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


@dataclass(frozen=True)
class Text(ColumnEncoder):
    """TF-IDF of the most frequent words of the rows it was fitted on; markup such as `<br />` is left out.

    scikit-learn's `TfidfVectorizer` with sublinear counts. A row's numbers have length 1, times the root of
    their count, so that they weigh about as much as standardised numbers do. Missing text has no words. `most` words
    at most are kept.
    """

    kind: ClassVar[str] = "text"
    vocabulary: tuple[str, ...] = ()
    idf: tuple[float, ...] = ()
    most: int = MOST_WORDS

    @property
    def width(self) -> int:
        """One per word."""
        return len(self.vocabulary)

    def fit(self, column: Column) -> "Text":
        """Vocabulary and inverse document frequencies."""
        least = 2 if len(column) >= 50 else 1
        vectorizer = self._vectorizer(min_df=least, max_features=self.most)
        try:
            vectorizer.fit(plain(column))
        except ValueError as error:  # scikit-learn's way to say that no word is left
            raise DataError(
                message(
                    f"The text column {self.name!r} has no words in the training rows",
                    expected="words of at least two letters",
                    do=f"Leave it out: --ignore {self.name}",
                )
            ) from error
        return Text(
            self.name, tuple(vectorizer.get_feature_names_out()), tuple(vectorizer.idf_.tolist()), self.most
        )

    def _vectorizer(self, **options: Any) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **options)  # type: ignore[arg-type]

    def encode(self, where: str, column: Column, say: Say) -> Values:
        """A column per word."""
        del say
        check_words(where, column)
        vectorizer = self._vectorizer(vocabulary=list(self.vocabulary))
        vectorizer.idf_ = np.array(self.idf, dtype=np.float32)  # pyright: ignore[reportAttributeAccessIssue]
        values = (vectorizer.transform(plain(column)) * np.float32(len(self.vocabulary) ** 0.5)).toarray()
        return values, np.broadcast_to(np.False_, values.shape)


def most_words(rows: int) -> int:
    """How many words describe a text of so many rows.

    >>> most_words(2_000), most_words(50_000)
    (4000, 2684)
    """
    return max(LEAST_WORDS, min(MOST_WORDS, MOST_VALUES // max(rows, 1)))


def plain(column: Column) -> list[str]:
    """Text without markup, entities as the characters they stand for."""
    return [html.unescape(re.sub(r"<[^<>]+>", " ", text)) for text in column.fillna("").astype(str)]


def chosen(where: str, column: Column, texts: Sequence[str]) -> ColumnEncoder:
    """What a column is, not fitted yet: numbers, categories or text.

    Raises:
        DataError: it is none of these, or an ID.
    """
    name = str(column.name)
    if name in texts:
        check_words(where, column)
        return Text(name, most=most_words(len(column)))
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        as_numbers(where, column)
        return Numbers(name)
    check_words(where, column)
    check_mixed(where, column)
    values = column.dropna().astype(str)
    different = values.nunique()
    if different > min(MOST_CATEGORIES, len(column) / 2):
        if values.str.split().str.len().mean() >= TEXT_LENGTH:
            return Text(name, most=most_words(len(column)))
        if different > MOST_CATEGORIES:
            raise DataError(
                message(
                    f"The column {name!r} of {where} has {different:,} different words",
                    expected=f"at most {MOST_CATEGORIES} categories",
                    do=f"If it is an ID, leave it out: --ignore {name}. If it is text: --text {name}",
                )
            )
    return Words(name)


def check_words(where: str, column: Column) -> None:
    """Refuse cells that are neither words nor yes and no."""
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column.dtype):
        return
    if not all(isinstance(value, str | bool | np.bool_) for value in column.dropna()):
        found = ", ".join(sorted({type(value).__name__ for value in column.dropna()}))
        raise DataError(
            message(
                f"The column {column.name!r} of {where} is not words",
                expected="words, or yes and no",
                found=found,
                do=f"Write it as words or as numbers throughout, or leave it out: --ignore {column.name}",
            )
        )


def check_mixed(where: str, column: Column) -> None:
    """Refuse words that are numbers too long to be read as such, or numbers but for a few cells (a slip of the pen)."""
    if pd.api.types.is_numeric_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype):
        return
    known = column.dropna()
    numbers: Any = pd.to_numeric(known.astype(str), errors="coerce")
    odd = numbers.isna()
    if (huge := numbers.abs() > HUGE).any():
        raise DataError(
            message(
                f"The column {column.name!r} of {where} holds a number that is not usable",
                expected="numbers below 3e38, or words that are no numbers",
                found=f"{known[huge].iloc[0]} in row {known.index[huge][0]}",
                do=f"Correct it, or if these are IDs, leave them out: --ignore {column.name}",
            )
        )
    if odd.any() and odd.mean() < 0.1 and numbers.nunique() > 20:
        label, value = known.index[odd][0], known[odd].iloc[0]
        raise DataError(
            message(
                f"The column {column.name!r} of {where} mixes numbers and words",
                expected="numbers, empty where missing",
                found=f"{value!r} in row {label} (the first of {int(odd.sum())} such rows)",
                do="Correct such cells, or empty them",
            )
        )


def as_numbers(where: str, column: Column) -> np.ndarray:
    """A column of numbers, float64, NaN where missing.

    Raises:
        DataError: it holds anything else, or numbers that float32 cannot.
    """
    try:
        numbers: Any = pd.to_numeric(column)
        values: Any = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(
            message(
                f"The column {column.name!r} of {where} is not numbers", expected="numbers", found=str(error)
            )
        ) from error
    usable = np.isnan(values) | (np.abs(np.nan_to_num(values, posinf=np.inf)) <= np.finfo(np.float32).max)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise DataError(
            message(
                f"The column {column.name!r} of {where} holds a number that is not usable",
                expected="finite numbers below 3e38",
                found=f"{values[row]} in row {row}",
            )
        )
    return values


def column_from(state: Mapping[str, Any]) -> ColumnEncoder:
    """The column that gave this state."""
    from auxin.data._encoder_tokens import Tokens

    kinds: dict[str, type[ColumnEncoder]] = {k.kind: k for k in (Numbers, Words, Text, Tokens)}
    own: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state.items() if k != "kind"}
    return kinds[state["kind"]](**own)
