"""The errors that auxin raises. Each message states what is wrong, what was expected, what was found, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


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
