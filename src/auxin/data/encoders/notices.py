"""Sentences about new rows, which are joined where a table is encoded some rows at a time."""

from collections import Counter
from collections.abc import Collection

from auxin.data.encoders.contract import Notify


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
        far(notify, self.far)


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


def unseen(notify: Notify, name: str, words: Collection[str]) -> None:
    """Say that a column holds categories that no training row has."""
    if isinstance(notify, Tally):
        notify.words.setdefault(name, set()).update(words)
        return
    shown = ", ".join(map(repr, sorted(words)[:5])) + (" ..." if len(words) > 5 else "")
    notify(f"Categories of {name!r} that do not occur in the training rows are treated as missing: {shown}.")
