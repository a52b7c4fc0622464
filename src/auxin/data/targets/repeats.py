"""Input columns that name a subject with several rows, or a date: random folds promise too much about others."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_OWNER = (
    "subject|patient|person|people|participant|user|customer|client|household|family|school|student|pupil|animal|"
    "site|session|batch|donor|author|speaker|machine|device|store|shop|hospital|clinic|centre|center"
)
_NAMED = re.compile(rf"({_OWNER})s?(_?(id|nr|no|num|number|name|code|key))?|.*_(id|uuid|guid)|group_?id")
_TIME = re.compile(
    r"(\w+_)?(time|timestamp|ts|epoch|unix|created|updated|at|date)(_(utc|s|ms|sec|seconds|millis))?"
)
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
    named = [name for name in frame.columns if _NAMED.fullmatch(_words(str(name)))]
    return [str(name) for name in named if FEWEST <= frame[name].nunique() <= frame[name].notna().sum() / 2]


def _words(column: str) -> str:
    """A column's name in small letters, its words joined by _."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column).lower()
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_")


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


def times(frame: Any) -> list[str]:
    """The columns of numbers that are called as a time is, and hold years, or seconds or milliseconds since 1970.

    >>> import pandas as pd
    >>> times(pd.DataFrame({"year": [2001.0, 2002.0], "created_at": [1.7e9, 1.71e9], "year_built": [1901.0, 1950.0]}))
    ['year', 'created_at']
    """
    real = frame.select_dtypes(np.float64)
    return [str(name) for name in real.columns if _is_time(_words(str(name)), real[name].dropna())]


def _is_time(name: str, known: Any) -> bool:
    low, high = (known.min(), known.max()) if len(known) else (0, 0)
    if name in ("year", "yr"):
        return low >= 1800 and high <= 2200
    return _TIME.fullmatch(name) is not None and (
        (low >= 1e8 and high < 1e10) or (low >= 1e11 and high < 1e13)
    )


def dates_note(frame: Any, dates: Sequence[str], do: str) -> list[str]:
    """A sentence on columns of dates and times, by which no split goes: scores hold between them, not behind the last.

    Args:
        frame: The columns.
        dates: Those that are dates.
        do: What to do where new rows are later.
    """
    found = [name for name in [*dates, *times(frame)] if frame[name].nunique() >= DATES]
    if not found:
        return []
    return [
        f"Rows are split at random, not by {', '.join(found)}: scores hold for new rows between these dates. If new "
        f"rows are later than all of these, {do}."
    ]
