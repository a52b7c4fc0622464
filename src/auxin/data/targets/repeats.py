"""Input columns that name a subject with several rows, or a date: random folds promise too much about others."""

import re
from collections.abc import Sequence
from typing import Any

_OWNER = (
    "subject|patient|person|people|participant|user|customer|client|household|family|school|student|pupil|animal|"
    "site|session|batch|donor|author|speaker|machine|device|store|shop|hospital|clinic|centre|center"
)
_NAMED = re.compile(rf"({_OWNER})s?(_?(id|nr|no|num|number|name|code|key))?|.*_(id|uuid|guid)|group_?id")
DATES = 10
"""Fewer different dates than this are no course of time."""
FEWEST = 4
"""Fewer different values than this are a category."""


def repeats(frame: Any) -> list[str]:
    """The columns that are called as a subject or an ID is, and whose values stand in several rows each.

    >>> import pandas as pd
    >>> repeats(pd.DataFrame({"subject#": [1, 1, 2, 2, 3, 3, 4, 4], "age": [7, 7, 8, 8, 9, 9, 10, 10]}))
    ['subject#']
    """
    return [str(name) for name in frame.columns if _is_name(str(name)) and _several(frame[name])]


def _is_name(column: str) -> bool:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()
    return _NAMED.fullmatch(re.sub(r"[^a-z0-9]+", "_", words).strip("_")) is not None


def _several(column: Any) -> bool:
    known = column.dropna()
    different = known.nunique()
    return FEWEST <= different <= len(known) / 2


def repeats_note(frame: Any, option: str) -> list[str]:
    """A sentence that names them, and the option that keeps the rows of one together.

    Args:
        frame: the columns.
        option: such as "--group NAME", with NAME in the column's place.
    """
    found = repeats(frame)
    if not found:
        return []
    return [
        f"Values of {', '.join(found)} repeat, and rows with the same value may fall into different folds: scores hold "
        f"for values that are known already. If new rows have other ones, use {option.replace('NAME', found[0])}."
    ]


def dates_note(frame: Any, dates: Sequence[str], do: str) -> list[str]:
    """A sentence on columns of dates, by which no split goes: scores hold between the dates, not behind the last one.

    Args:
        frame: The columns.
        dates: Those that are dates.
        do: What to do where new rows are later.
    """
    found = [name for name in dates if frame[name].nunique() >= DATES]
    if not found:
        return []
    return [
        f"Rows are split at random, not by {', '.join(found)}: scores hold for new rows between these dates. If new "
        f"rows are later than all of these, {do}."
    ]
