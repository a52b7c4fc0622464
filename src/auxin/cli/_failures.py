"""Error handling of the command line: one message on standard error, and an exit code."""

import errno
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from auxin.errors import AuxinError
from auxin.interrupts import Terminated, heed

FAILED, WRONG, INTERRUPTED = 1, 2, 130
"""Exit codes: a bug in auxin; an error that the message explains; Ctrl-C. After another signal the exit code is 128
plus the signal's number: 143 for SIGTERM, 129 for SIGHUP."""
RESUME = "Finished runs and the checkpoint of the current run are saved. Run the same command to resume."


@contextmanager
def failing_well(debug: bool) -> Iterator[None]:
    """Turn exceptions into a message and an exit code. With `debug`, raise them with their traceback.

    The command-line parser itself reports usage errors (an unknown option, a missing argument).
    """
    heed()
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
        _print(f"Unexpected {type(error).__name__}:", str(error))
        _print("", "This is a bug in auxin. Run the same command with --debug to see the traceback.")
        raise typer.Exit(FAILED) from None


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
