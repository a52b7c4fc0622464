"""A column of dates as numbers: when it was, and where in the year, the week and the day."""

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import missing
from auxin.data.reading.marks import MARKS
from auxin.errors import DataError

ISO = "ISO8601"
_FORMS = (
    (re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"), (ISO,)),
    (re.compile(r"\d{4}-\d{2}"), ("%Y-%m",)),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}"), ("%Y/%m/%d",)),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}"), ("%d.%m.%Y",)),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}"), ("%d/%m/%Y", "%m/%d/%Y")),
    (re.compile(r"\d{1,2}-\d{1,2}-\d{4}"), ("%d-%m-%Y", "%m-%d-%Y")),
)
ORIGIN = pd.Timestamp("2000-01-01", tz="UTC")
YEAR = 365.2425


@dataclass(frozen=True)
class Dates(ColumnEncoder):
    """The time in years since 2000, and sine and cosine of its place in the year and in the week, and in the day.

    Attributes:
        name: Name of the column.
        form: How dates are written: "ISO8601", or a format of `strptime`.
        clock: Whether the training rows differ in the time of day.
        gaps: Whether dates were missing.
        zoned: Whether the training rows named time zones; None: unknown.

    >>> column = pd.Series(["2000-01-01", "2001-01-01"], name="day")
    >>> Dates("day").fit(column).encode(column, print)[0][:, 0].round(3).tolist()
    [0.0, 1.002]
    """

    kind: ClassVar[str] = "dates"
    form: str = ISO
    clock: bool = False
    gaps: bool = False
    zoned: bool | None = None

    def __post_init__(self) -> None:
        if not any(self.form in forms for _, forms in _FORMS):
            raise ValueError(f"{self.form!r} is no way of writing the dates of {self.name}")

    @property
    def width(self) -> int:
        """5, two more with a clock, one more with gaps."""
        return 5 + 2 * self.clock + self.gaps

    def fit(self, column: Column) -> "Dates":
        """Whether the time of day differs, and whether there are gaps."""
        times = self._times(column)
        known = times[times.notna()]
        clock, gaps = bool((known != known.dt.normalize()).any()), bool(times.isna().any())
        return replace(self, clock=clock, gaps=gaps, zoned=_zoned(column))

    def _times(self, column: Column) -> Any:
        words: Any = column.astype("str").mask(column.isna())
        words = words.mask(words.isin(MARKS))
        times: Any = pd.to_datetime(words, format=self.form, errors="coerce", utc=True)
        odd = times.isna() & words.notna()
        if (
            odd.any() and words.dropna().str.fullmatch(_FORMS[0][0]).all()
        ):  # such dates can be read in one way only
            times = pd.to_datetime(words, format=ISO, errors="coerce", utc=True)
            odd = times.isna() & words.notna()
        if odd.any():
            raise DataError(
                f"The column {self.name!r} holds values that are not dates",
                expected=f"dates written as {self.form}, empty where missing",
                found=f"{words[odd].iloc[0]!r} in row {words.index[odd][0]}",
                do="Correct or empty such cells",
            )
        return times

    def encode(self, column: Column, notify: Notify) -> Values:
        """The rows' numbers, 0 where missing."""
        times = self._times(column)
        empty = times.isna().to_numpy()
        if self.zoned is not None and self.zoned != (zoned := _zoned(column)) and (zoned or self.clock):
            notify(
                f"Times of {self.name!r} have {'a' if zoned else 'no'} time zone, and those of the training rows had "
                f"{'none' if zoned else 'one'}: times without one are taken for UTC."
            )
        missing(notify, self.name, 0 if self.gaps else int(empty.sum()))
        days = ((times - ORIGIN) / pd.Timedelta(days=1)).to_numpy(float)
        turns = [days / YEAR, (days - 2) / 7] + ([days] if self.clock else [])  # 2000-01-03 was a Monday
        circles = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
        values = np.stack([days / YEAR, *circles, *([empty.astype(float)] if self.gaps else [])], 1)
        blank = np.repeat(empty[:, None], self.width, 1)
        if self.gaps:
            blank[:, -1] = False
        return np.where(blank, 0.0, values), blank


def _zoned(column: Column) -> bool:
    """Whether times name their zone."""
    return bool(column.astype("str").str.contains(r":\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})$", na=False).any())


def form_of(column: Column) -> tuple[str, bool] | None:
    """How a column of words writes dates, and whether day and month could be the other way round; None: it does not.

    >>> form_of(pd.Series(["31/12/2020"])), form_of(pd.Series(["a"]))
    (('%d/%m/%Y', False), None)
    """
    known = column.dropna()
    if known.empty or not _FORMS_FIRST.match(str(known.iloc[0])):
        return None
    different = pd.Series(known.unique(), dtype="str")
    for pattern, forms in _FORMS:
        if different.str.fullmatch(pattern).all():
            able = [
                f
                for f in forms
                if pd.to_datetime(different, format=f, errors="coerce", utc=True).notna().all()
            ]
            return (able[0], len(able) > 1) if able else None
    return None


_FORMS_FIRST = re.compile(r"\d{4}-\d{2}$|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
