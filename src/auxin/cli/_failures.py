"""When something goes wrong: one message on standard error, and an exit code that scripts can read."""

import errno
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from auxin.errors import AuxinError
from auxin.interrupts import Terminated, heed

FAILED, WRONG, INTERRUPTED = 1, 2, 130
"""Exit codes: a bug of auxin's; a problem that the message names; Ctrl-C. A signal's is 128 and its number: 143 for
SIGTERM, 129 for SIGHUP."""
RESUME = "Finished work and the checkpoint of the run in progress are kept: run the same command to resume."


@contextmanager
def failing_well(debug: bool) -> Iterator[None]:
    """Turn exceptions into a message and an exit code; with `debug`, let them through with their traceback.

    Usage errors (an unknown option, a missing argument) are left to the command line's own parser.
    """
    heed()
    try:
        yield
    except Terminated as stop:
        _say(f"Stopped by {signal.Signals(stop.signum).name}.", RESUME)
        raise typer.Exit(128 + stop.signum) from None
    except KeyboardInterrupt:
        _say("Interrupted.", "What was finished is kept.")
        raise typer.Exit(INTERRUPTED) from None
    except AuxinError as error:
        if debug:
            raise
        _say("Error:", str(error))
        raise typer.Exit(WRONG) from None
    except Exception as error:
        if debug or _for_the_parser(error):
            raise
        _say(f"Unexpected {type(error).__name__}:", str(error))
        _say("", "This is a fault in auxin. Run the same command with --debug to see where.")
        raise typer.Exit(FAILED) from None


def _for_the_parser(error: Exception) -> bool:
    """Usage errors and exits of the command line's parser, and a closed pipe (`auxin ls | head`)."""
    if isinstance(error, OSError):
        return error.errno == errno.EPIPE
    parser = (typer.Exit, typer.Abort, *_bases(typer.BadParameter))
    return isinstance(error, parser)


def _bases(kind: type[Exception]) -> list[type[Exception]]:
    """The parser's own exceptions above `kind`, whichever copy of it typer brings along."""
    return [base for base in kind.__mro__ if issubclass(base, Exception) and base is not Exception]


def _say(head: str, text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)
    console.print(Text.assemble((f"{head} " if head else "", "bold red"), text))
