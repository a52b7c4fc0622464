"""Sentences about new rows, which are joined where a table is encoded some rows at a time."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from auxin.data.encoders.contract import Notify

FEWEST = 5
"""With so many new rows, a column of which most lie outside the training rows is another one."""
FAR = 10.0
"""A number is very far if it is so many times the training rows' range outside of it."""


class Tally:
    """Stands for `Say` over the parts of one table: counts are added up, words collected, and sentences said once.

    >>> said = Tally()
    >>> for part in range(2):
    ...     missing(said, "age", 3)
    >>> said.report(print)
    6 missing values of 'age' are replaced by its mean; no training row lacks this value.
    """

    def __init__(self) -> None:
        self.sentences: dict[str, None] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.words: dict[str, set[str]] = {}
        self.far = 0
        self.beyond: dict[str, Beyond] = {}

    def __call__(self, sentence: str) -> None:
        """Keep a sentence, to be said once."""
        self.sentences[sentence] = None

    def report(self, notify: Notify) -> None:
        """Say everything."""
        for sentence in self.sentences:
            notify(sentence)
        for (name, what), count in self.counts.items():
            missing(notify, name, count, what)
        for name, words in self.words.items():
            unseen(notify, name, words)
        for name, found in self.beyond.items():
            found.report(notify, name)
        far(notify, self.far)


@dataclass
class Beyond:
    """How many numbers of a column lie outside those of the training rows.

    Attributes:
        known: The least and the greatest number of the training rows.
        rows: Number of new rows that have a number.
        outside: Those outside the two.
        farthest: The number farthest from them.
    """

    known: tuple[float, float]
    rows: int = 0
    outside: int = 0
    farthest: float = np.nan

    def add(self, values: np.ndarray) -> None:
        """More new rows."""
        low, high = self.known
        self.rows += len(values)
        if len(values) and (values.min() < low or values.max() > high):
            self.outside += int(((values < low) | (values > high)).sum())
            ends = [self.farthest, float(values.min()), float(values.max())]
            self.farthest = max(ends, key=self._distance)

    def _distance(self, value: float) -> float:
        low, high = self.known
        return float(np.nan_to_num(max(low - value, value - high)))

    def report(self, notify: Notify, name: str) -> None:
        """Say it where most lie outside, or one lies very far."""
        low, high = self.known
        most = self.rows >= FEWEST and 2 * self.outside > self.rows
        if most or (self.outside and self._distance(self.farthest) > FAR * (high - low)):
            notify(
                f"Numbers of {name!r} outside those of the training rows ({low:.6g} to {high:.6g}): "
                f"{self.outside:,} of {self.rows:,}, such as {self.farthest:.6g}. Is it another unit? Predictions "
                "there are guesses."
            )


def outside(notify: Notify, name: str, values: np.ndarray, known: tuple[float, float]) -> None:
    """Say that a column's numbers lie elsewhere than in the training rows, if they do.

    >>> outside(print, "size", np.array([1710.0, 1650, 1802, 1570, 1690]), (151.0, 193.0))
    Numbers of 'size' outside those of the training rows (151 to 193): 5 of 5, such as 1802. Is it another unit? \
Predictions there are guesses.
    """
    tally = isinstance(notify, Tally)
    found = notify.beyond.setdefault(name, Beyond(known)) if tally else Beyond(known)
    found.add(values)
    if not tally:
        found.report(notify, name)


def missing(notify: Notify, name: str, count: int, what: str = "are replaced by its mean") -> None:
    """Say that values of a column are missing which no training row misses, and what is done."""
    if isinstance(notify, Tally):
        notify.counts[name, what] += count
    elif count:
        notify(f"{count:,} missing values of {name!r} {what}; no training row lacks this value.")


def far(notify: Notify, count: int) -> None:
    """Say that predicted numbers were set to a bound, if any were."""
    if isinstance(notify, Tally):
        notify.far += count
    elif count:
        notify(
            f"Predictions outside the training labels' range by more than half of it: {count:,}. They are set to that "
            "bound; their rows are unlike the training rows."
        )


def at_bounds(values: np.ndarray, low: float, high: float) -> int:
    """How many predicted numbers are set to a bound far outside the labels; a bound of 0 is not far.

    >>> at_bounds(np.array([-5.0, 0.0, 9.0]), -5.0, 9.0), at_bounds(np.array([0.0, 0.0, 9.0]), 0.0, 9.0)
    (2, 1)
    """
    below = values <= low if abs(low) > 1e-9 * high else np.zeros(len(values), bool)
    return int((below | (values >= high)).sum())


def unseen(notify: Notify, name: str, words: Collection[str]) -> None:
    """Say that a column holds categories that no training row has."""
    if isinstance(notify, Tally):
        notify.words.setdefault(name, set()).update(words)
        return
    shown = ", ".join(map(repr, sorted(words)[:5])) + (" ..." if len(words) > 5 else "")
    notify(f"Categories of {name!r} that do not occur in the training rows are treated as missing: {shown}.")
