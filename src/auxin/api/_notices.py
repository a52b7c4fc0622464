"""Warnings to the user, each given once, and lines on progress."""

import warnings
from collections.abc import Iterable

from auxin.errors import DecisionWarning
from auxin.studies.fit_job import EpochProgress


def warn_of(decisions: Iterable[str], depth: int) -> None:
    """Give each decision about the data as a `DecisionWarning`, at the line so many calls above the caller's."""
    for sentence in decisions:
        warnings.warn(sentence, DecisionWarning, stacklevel=depth + 2)


def epoch_line(now: EpochProgress) -> str:
    """A line on an epoch of a training."""
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in now.losses.items())
    score = "" if now.validation is None else f"  validation {now.validation:.4f}"
    return f"{now.phase:<7} epoch {now.epoch:>4}/{now.epochs}  loss: {losses}{score}"


class Notices:
    """Gives a warning once.

    Attributes:
        given: The keys of the warnings that have been given.
    """

    def __init__(self) -> None:
        self.given: set[str] = set()

    def __call__(self, text: str, key: str | None = None) -> None:
        """Warn, unless a warning with this key (by default its text) was given before."""
        if (key or text) not in self.given:
            self.given.add(key or text)
            warnings.warn(text, RuntimeWarning, stacklevel=4)
