"""Which encoder a column gets: numbers, categories or text; and columns from their saved states."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from auxin.data.encoders.cells import as_numbers, check_mixed, check_words
from auxin.data.encoders.columns import Column, ColumnEncoder
from auxin.data.encoders.numbers import Numbers
from auxin.data.encoders.text import Text, most_words
from auxin.data.encoders.tokens import Tokens
from auxin.data.encoders.words import Words
from auxin.errors import DataError, message

MOST_CATEGORIES = 100
"""An input column of single words with more different values than this is an ID, unless said otherwise."""
TEXT_LENGTH = 4
"""Words with more different values than a category has are text if they hold this many words on average."""


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


def column_from(state: Mapping[str, Any]) -> ColumnEncoder:
    """The column that gave this state."""
    kinds: dict[str, type[ColumnEncoder]] = {k.kind: k for k in (Numbers, Words, Text, Tokens)}
    own: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state.items() if k != "kind"}
    return kinds[state["kind"]](**own)
