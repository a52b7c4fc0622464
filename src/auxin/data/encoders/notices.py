"""Sentences about cells of new rows, which are joined where a table is encoded some rows at a time."""

from collections import Counter
from collections.abc import Collection

from auxin.data.encoders.contract import Say


class Tally:
    """Stands for `Say` over the parts of one table: counts are added up, words collected, and sentences said once.

    >>> said = Tally()
    >>> for part in range(2):
    ...     missing(said, "age", 3)
    >>> said.say(print)
    6 missing values of 'age' are replaced by its mean; no training row lacks this value.
    """

    def __init__(self) -> None:
        self.sentences: dict[str, None] = {}
        self.counts: Counter[str] = Counter()
        self.words: dict[str, set[str]] = {}

    def __call__(self, sentence: str) -> None:
        """Keep a sentence, to be said once."""
        self.sentences[sentence] = None

    def say(self, say: Say) -> None:
        """Say everything."""
        for sentence in self.sentences:
            say(sentence)
        for name, count in self.counts.items():
            missing(say, name, count)
        for name, words in self.words.items():
            unseen(say, name, words)


def missing(say: Say, name: str, count: int) -> None:
    """Say that values of a column are missing which no training row misses."""
    if isinstance(say, Tally):
        say.counts[name] += count
    else:
        say(
            f"{count:,} missing values of {name!r} are replaced by its mean; no training row lacks this value."
        )


def unseen(say: Say, name: str, words: Collection[str]) -> None:
    """Say that a column holds categories that no training row has."""
    if isinstance(say, Tally):
        say.words.setdefault(name, set()).update(words)
        return
    shown = ", ".join(map(repr, sorted(words)[:5])) + (" ..." if len(words) > 5 else "")
    say(f"Categories of {name!r} that do not occur in the training rows are treated as missing: {shown}.")
