"""Warnings to the user, each given once."""

import warnings


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
