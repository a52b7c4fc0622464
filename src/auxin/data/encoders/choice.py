"""Which encoder a column gets: numbers, categories, dates or text; and columns from their saved states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from auxin.data.encoders.cells import MANY, check_mixed, check_words
from auxin.data.encoders.checked import checked_as
from auxin.data.encoders.columns import Column, ColumnEncoder
from auxin.data.encoders.dates import Dates, form_of
from auxin.data.encoders.frequent import FrequentWords, frequent
from auxin.data.encoders.lists import ListEncoder, lists_words
from auxin.data.encoders.numbers import Numbers
from auxin.data.encoders.text import MAX_WORDS, TextEncoder
from auxin.data.encoders.tokens import Tokens
from auxin.data.encoders.words import CategoryEncoder
from auxin.data.reading.marks import AMONG_NUMBERS, COMMAS, as_written

MOST_CATEGORIES = 100
"""Of an input column of words, so many of the most frequent ones are categories."""
TEXT_LENGTH = 4
"""Words with more different values than a category has are text if they hold this many words on average."""
ID_SHARE = 0.9
"""Cells of which more than this share are different are an ID, unless they have frequent words in common."""
SHOWN = 8
"""So many words are printed."""


@dataclass
class EncoderChoice:
    """The encoders of a table's columns, not fitted yet, and what was decided.

    Attributes:
        words: So many words describe a text at most.
        columns: The encoders.
        left_out: Columns that are IDs.
        notes: Sentences.
    """

    words: int = MAX_WORDS
    columns: list[ColumnEncoder] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def dates(self) -> list[str]:
        """The columns of dates."""
        return [column.name for column in self.columns if isinstance(column, Dates)]

    def left_note(self, option: str) -> list[str]:
        """A sentence on the columns that are left out, if any, and the option that keeps them."""
        names = ", ".join(self.left_out)
        why = "Columns left out because almost every value is different (IDs)"
        return [f"{why}: {names} (keep them with {option})."] if names else []


def choose(
    frame: Any, texts: Sequence[str], keep: Sequence[str] = (), most: int = MAX_WORDS
) -> EncoderChoice:
    """What each input column is.

    Args:
        frame: The input columns.
        texts: Those that are text because the user says so.
        keep: Those that stay although they look like IDs.
        most: So many words describe a text at most.

    Raises:
        DataError: A column is neither numbers nor words, or mixes both.
    """
    made = EncoderChoice(most)
    plain = frame.dtypes == np.float64
    for name, number in zip(frame.columns, plain, strict=True):
        if number and name not in texts:
            made.columns.append(Numbers(str(name)))
        else:
            _choose_one(frame[name], name in texts, name in keep, made)
    if not made.columns:
        _choose_codes(frame, made)
    return made


def _choose_codes(frame: Any, made: EncoderChoice) -> None:
    """Where only IDs are left, the parts that the values of one have in common, so that the table can be learned."""
    for name in made.left_out[:]:
        if words := frequent(frame[name], parts=True):
            made.left_out.remove(name)
            made.columns.append(FrequentWords(name, words, parts=True))
            made.notes.append(
                f"Almost every value of {name} is different, and no other column is left; the parts that its values "
                f"have in common are used as inputs: {_shown(words)} (1... is a number that begins with 1)."
            )


def _choose_one(column: Column, text: bool, keep: bool, made: EncoderChoice) -> None:
    name = str(column.name)
    if text:
        check_words(column)
        made.columns.append(TextEncoder(name, most=made.words))
    elif isinstance(column.dtype, pd.SparseDtype):
        made.columns.append(Numbers(name, sparse=True))
    elif pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        made.columns.append(Numbers(name))
    else:
        check_words(column)
        _choose_words(name, column, keep, made)


def _choose_words(name: str, column: Column, keep: bool, made: EncoderChoice) -> None:
    different = column.dropna().astype(str).unique()
    if (found := form_of(column)) is not None:
        form, unsure = found
        made.columns.append(Dates(name, form))
        also = "; day and month could be the other way round" if unsure else ""
        made.notes.append(f"Dates: {name} (written as {form}{also}).")
        return
    numbers = [cell for cell in different if cell not in AMONG_NUMBERS]
    written = (
        None if pd.api.types.is_bool_dtype(column) else as_written(numbers, column.attrs.get(COMMAS, False))
    )
    if written is not None and not written.odd:
        made.columns.append(Numbers(name, style=written.style.name, unit=written.unit))
        made.notes.append(written.note(name))
        return
    check_mixed(column, written)
    if lists_words(name, list(different)):
        made.columns.append(ListEncoder(name))
        made.notes.append(f"Lists of words, one input per word: {name} (such as {different[0][:60]}).")
        return
    if len(different) <= min(MOST_CATEGORIES, len(column) / 2):
        made.columns.append(CategoryEncoder(name))
        return
    unique = len(different) > max(MANY, ID_SHARE * column.notna().sum())
    if column.dropna().astype(str).str.split().str.len().mean() >= TEXT_LENGTH:
        made.columns.append(TextEncoder(name, most=made.words))
    elif unique and not keep and (words := frequent(column)):
        made.columns.append(FrequentWords(name, words))
        made.notes.append(
            f"Almost every value of {name} is different; its frequent words are used as inputs: {_shown(words)}."
        )
    elif unique and not keep:
        made.left_out.append(name)
    elif len(different) <= MOST_CATEGORIES:
        made.columns.append(CategoryEncoder(name))
    else:
        made.columns.append(CategoryEncoder(name, most=MOST_CATEGORIES))
        made.notes.append(
            f"Of the {len(different):,} words of {name} the {MOST_CATEGORIES} most frequent are used as inputs."
        )


def _shown(words: Sequence[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f" ... {len(words) - SHOWN:,} more" if len(words) > SHOWN else "")


def column_from(state: Mapping[str, Any]) -> ColumnEncoder:
    """The column that gave this state."""
    kinds: dict[str, type[ColumnEncoder]] = {
        k.kind: k for k in (Numbers, CategoryEncoder, ListEncoder, Dates, FrequentWords, TextEncoder, Tokens)
    }
    return checked_as(kinds[state["kind"]], {name: value for name, value in state.items() if name != "kind"})
