"""What a user sees while data are read, where that takes long."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

PATIENCE = 2.0
"""Seconds after which reading is shown."""
EVERY = 1.0
"""Seconds between two updates on a terminal."""


@contextmanager
def watched(what: str, stream: TextIO | None = None, doing: str = "Loading") -> Iterator[None]:
    """Show on standard error that reading goes on where it takes longer than `PATIENCE`.

    A terminal sees the seconds count, in a line that is cleared at the end; anything else gets one line.

    Args:
        what: The file or data set; of a path the name is shown.
        stream: instead of standard error.
        doing: the first word.

    >>> with watched("t.csv"):
    ...     pass  # quick: nothing is shown
    """
    out = sys.stderr if stream is None else stream
    done = threading.Event()
    watcher = threading.Thread(
        target=_show, args=(f"{doing} {Path(what).name or what}", out, done), daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _show(name: str, out: TextIO, done: threading.Event) -> None:
    begun = time.monotonic()
    if done.wait(PATIENCE):
        return
    terminal = out.isatty()
    if not terminal:
        print(f"{name} ...", file=out, flush=True)
        return
    while True:
        print(f"\r{name}: {time.monotonic() - begun:.0f} s", end="", file=out, flush=True)
        if done.wait(EVERY):
            break
    print("\r" + " " * (len(name) + 16) + "\r", end="", file=out, flush=True)
