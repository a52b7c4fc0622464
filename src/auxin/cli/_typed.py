"""The command as it was given, for the records that say how to do it again."""

import shlex
from collections.abc import Sequence

_GIVEN: list[str] = []


def remember(arguments: Sequence[str]) -> None:
    """Keep the arguments of this call, without the program's name."""
    _GIVEN[:] = arguments


def command() -> str:
    """The whole command line, quoted for a shell.

    >>> remember(["compare", "my data.csv"]); command()
    "auxin compare 'my data.csv'"
    """
    return shlex.join(["auxin", *_GIVEN])
