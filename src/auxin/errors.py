"""The errors that auxin raises. Each message states what is wrong, what was expected, what was found, what to do."""

import os
import re
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager

COMMAND = "AUXIN_COMMAND"
"""The environment variable that is set while a command runs; its worker processes inherit it."""


class AuxinError(Exception):
    """Any problem auxin can name. The command line prints its message and exits with code 2.

    Args:
        wrong: What is wrong; the whole message, and left as it is, where nothing else is given.
        expected: What was expected.
        found: What was found instead.
        do: What to do about it.
    """

    def __init__(self, wrong: str, *, expected: str = "", found: str = "", do: str = "") -> None:
        parts = message(wrong, expected=expected, found=found, do=do) if expected or found or do else wrong
        super().__init__(parts)


class DataError(AuxinError, ValueError):
    """The data cannot be used as asked: a missing file, a bad label, a class with too few rows."""


class ConfigError(AuxinError, ValueError):
    """An argument or a combination of arguments makes no sense, or a name is unknown."""


class UnsupportedError(AuxinError, NotImplementedError):
    """A correct answer is not available here (an optimiser, an operation, a precision), so none is given."""


class RunError(AuxinError, RuntimeError):
    """A run cannot start or go on: its folder holds another run, the disk is full, training diverged."""


class DamagedError(RunError, DataError):
    """A file is missing, cannot be read, or its content does not match its checksum."""


class DecisionWarning(UserWarning):
    """An estimator decided something about the data that may not be meant: a column left out, a kind guessed."""


@contextmanager
def naming(source: object) -> Iterator[None]:
    """Begin the message of an error with the name of the data that were read, where the message does not name them.

    >>> with naming("t.csv"):
    ...     raise DataError("There is no column 'y'.")
    Traceback (most recent call last):
    auxin.errors.DataError: t.csv: There is no column 'y'.
    """
    try:
        yield
    except (DataError, ConfigError) as error:
        if (name := shortened(source)) not in str(error):
            error.args = (f"{name}: {error}",)
        raise


@contextmanager
def naming_arguments(names: Callable[[], Container[str]]) -> Iterator[None]:
    """In a message to a Python caller, write the options of the command line as arguments.

    Args:
        names: Function that returns the names of the arguments that the caller's function has.
    """
    try:
        yield
    except AuxinError as error:
        error.args = tuple(as_arguments(str(part), names) for part in error.args)
        raise


def as_arguments(text: str, names: Callable[[], Container[str]]) -> str:
    """Return a text with each option of the command line written as a Python argument; unchanged in a command.

    >>> as_arguments("Leave it out: --ignore size. Or say --kind NAME=KIND.", lambda: ["ignore", "kinds"])
    "Leave it out: ignore='size'. Or say kinds='NAME=KIND'."
    """
    return text if COMMAND in os.environ else _OPTION.sub(lambda found: _argument(found, names), text)


_VALUE = r"[\w.]+=[\w.]*\b|[\w.]+=|'[^']*'|[A-Z]+\b(?:\.\w+)?|\d(?:[\d.:]*\d)?"
_OPTION = re.compile(
    rf"(?<=: )--(?P<only>[a-z-]+) (?P<all>[^.,;]+)|--(?P<name>[a-z-]+)(?: (?P<value>{_VALUE}))?"
)
"""An option and its value, which a message gives after a colon or as an assignment, in quotes, capitals or digits."""
_RENAMED = {"kind": "kinds", "aux-kind": "kinds"}


def called(name: str) -> str:
    """Return what the caller calls an argument: `--max-pixels` in a command, `max_pixels` in Python.

    >>> called("max_pixels")
    'max_pixels'
    """
    if COMMAND not in os.environ:
        return name
    return "--" + {"kinds": "kind"}.get(name, name.replace("_", "-"))


def _argument(found: re.Match[str], names: Callable[[], Container[str]]) -> str:
    option = found["only"] or found["name"]
    name = _RENAMED.get(option, option.replace("-", "_"))
    if option == "allow-outside":
        return "AUXIN_ALLOW_OUTSIDE=1 in the environment"
    if name not in names():
        return found[0]
    value = (found["all"] or found["value"] or "").strip("'")
    return "download=True" if name == "download" else f"{name}=" + (repr(value) if value else "")


def shortened(path: object) -> str:
    """Return a path for a message, cut where it is very long."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-60:]} ({len(text):,} characters)"


def message(wrong: str, *, expected: str = "", found: str = "", do: str = "") -> str:
    """Compose an error message in auxin's one order.

    >>> message("Unknown method.", expected="one of: maxl, single", found="'mxl'", do="Did you mean 'maxl'?")
    "Unknown method. Expected one of: maxl, single. Found 'mxl'. Did you mean 'maxl'?"
    """
    parts = [wrong.rstrip(".") + "."]
    if expected:
        parts.append(f"Expected {expected.rstrip('.')}.")
    if found:
        parts.append(f"Found {found.rstrip('.')}.")
    if do:
        parts.append(do if do.endswith((".", "?", "!")) else do + ".")
    return " ".join(parts)
