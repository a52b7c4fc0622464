"""The command line as it was typed. Result files store it so that a run can be repeated."""

import shlex
from collections.abc import Sequence

_GIVEN: list[str] = []


def remember(arguments: Sequence[str]) -> None:
    """Store the arguments of this call, without the program's name."""
    _GIVEN[:] = arguments


def command() -> str:
    """Return the whole command line, quoted for a shell.

    >>> remember(["compare", "my data.csv"]); command()
    "auxin compare 'my data.csv'"
    """
    return shlex.join(["auxin", *_GIVEN])
