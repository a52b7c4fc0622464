"""Error handling of the command line: one message on standard error, and an exit code."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from auxin.errors import COMMAND, AuxinError, message
from auxin.interrupts import Terminated, handle_signals

FAILED, WRONG, INTERRUPTED = 1, 2, 130
"""Exit codes: a bug in auxin; an error that the message explains; Ctrl-C. After another signal the exit code is 128
plus the signal's number: 143 for SIGTERM, 129 for SIGHUP."""
RESUME = "Finished runs and checkpoints, if there are any, are saved. Run the same command again."


@contextmanager
def failing_well(debug: bool) -> Iterator[None]:
    """Turn exceptions into a message and an exit code. With `debug`, raise them with their traceback.

    The command-line parser itself reports usage errors (an unknown option, a missing argument).
    """
    handle_signals()
    os.environ[COMMAND] = "1"
    try:
        yield
    except Terminated as stop:
        _print(f"Stopped by {signal.Signals(stop.signum).name}.", RESUME)
        raise typer.Exit(128 + stop.signum) from None
    except KeyboardInterrupt:
        _print("Interrupted.", "Finished work is saved.")
        raise typer.Exit(INTERRUPTED) from None
    except AuxinError as error:
        if debug:
            raise
        _print("Error:", str(error))
        raise typer.Exit(WRONG) from None
    except Exception as error:
        if debug or _for_the_parser(error):
            raise
        if words := _of_the_system(error):
            _print("Error:", words)
            raise typer.Exit(WRONG) from None
        _print(f"Unexpected {type(error).__name__}:", str(error))
        _print("", "This is a bug in auxin. Run the same command with --debug to see the traceback.")
        raise typer.Exit(FAILED) from None
    finally:
        os.environ.pop(COMMAND, None)


_SYSTEM = {
    errno.ENAMETOOLONG: "Give a shorter name or path",
    errno.ENOSPC: "Free some space and run the same command again",
    errno.EDQUOT: "Free some space and run the same command again",
    errno.EROFS: "Choose a folder that can be written to",
    errno.EACCES: "Check the permissions, or choose another path",
    errno.EPERM: "Check the permissions, or choose another path",
    errno.ENOENT: "Correct the path",
    errno.ENOTDIR: "Correct the path",
    errno.EISDIR: "Name a file instead of a folder",
    errno.ELOOP: "Correct the link",
    errno.EIO: "Check the disk",
    errno.EMFILE: "Allow more open files (ulimit -n)",
}
"""What to do about the operating system's refusals, by their number."""


def _of_the_system(error: Exception) -> str:
    """Words for what the operating system refuses (a full or read-only disk, a long name, memory); else nothing."""
    if isinstance(error, MemoryError):
        do = "Use fewer rows or columns, or a machine with more memory"
        return message("There is not enough memory", found=str(error), do=do)
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        name = str(error.filename or "a file")
        short = name if len(name) <= 200 else f"{name[:100]}... ({len(name):,} characters)"
        wrong, reason = f"{short} cannot be used", error.strerror or type(error).__name__
        return message(wrong, found=reason, do=_SYSTEM[error.errno])
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return message("A name or path holds a null character", do="Correct the name")
    return ""


def _for_the_parser(error: Exception) -> bool:
    """Whether the parser handles this exception: its usage errors and exits, and a closed pipe (`auxin ls | head`)."""
    if isinstance(error, OSError):
        return error.errno == errno.EPIPE
    parser = (typer.Exit, typer.Abort, *_bases(typer.BadParameter))
    return isinstance(error, parser)


def _bases(kind: type[Exception]) -> list[type[Exception]]:
    """Return the parser's exception classes above `kind`, from whichever copy of the parser typer uses."""
    return [base for base in kind.__mro__ if issubclass(base, Exception) and base is not Exception]


def _print(head: str, text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)
    console.print(Text.assemble((f"{head} " if head else "", "bold red"), text))
