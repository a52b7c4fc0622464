"""Ending on a signal without losing work: on SIGTERM or SIGHUP training in progress reaches a checkpoint first.

A signal ends the program at once, except inside `checkpointing`: there it is only noted, and the code inside asks
`requested` at places where it can save its state. A second signal ends the program at once everywhere.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_pending: int | None = None
_depth = 0


class Terminated(BaseException):
    """The program was asked to end by a signal.

    Args:
        signum: The signal's number; the exit code is 128 + `signum`.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"ended by {signal.Signals(signum).name}")
        self.signum = signum


def _raise(signum: int) -> None:
    raise Terminated(signum)


def leave(signum: int) -> None:
    """End this process at once, with the signal's exit code: the way of a worker process."""
    os._exit(128 + signum)


def handle_signals(end: Callable[[int], None] = _raise) -> None:
    """Handle SIGTERM and SIGHUP in this process from now on; a SIGHUP that is ignored (nohup) stays ignored.

    Args:
        end: Called with the signal's number where nothing has to be saved first.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def handle(signum: int, _frame: FrameType | None) -> None:
        global _pending
        again, _pending = _pending is not None, signum
        if again or not _depth:
            end(signum)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def checkpoint_seconds() -> float:
    """Seconds between two checkpoints: 20, or the value of the environment variable AUXIN_CHECKPOINT_SECONDS."""
    return float(os.environ.get("AUXIN_CHECKPOINT_SECONDS", "20"))


def follow(parent: int, poll: float = 0.5) -> None:
    """End this process within a second after its parent has died: in a thread of its own, from now on."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(poll)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def requested() -> int | None:
    """The number of the signal that asked the program to end, or None."""
    return _pending


@contextmanager
def checkpointing() -> Iterator[Callable[[], None]]:
    """Inside, a signal waits until the code calls what this gives, which raises `Terminated` if one came.

    >>> with checkpointing() as end_if_asked:
    ...     end_if_asked()  # after each checkpoint; no signal came, so nothing happens
    """
    global _depth
    _depth += 1
    try:
        yield _end_if_requested
    finally:
        _depth -= 1


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Inside, Ctrl-C waits for the end: what is put back there must be put back whole. A second one does not wait.

    >>> with uninterrupted():
    ...     pass
    """
    own = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(own):
        yield
        return
    came: list[FrameType | None] = []

    def note(signum: int, frame: FrameType | None) -> None:
        came.append(frame)
        if len(came) > 1:
            own(signum, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)
        if len(came) == 1:
            own(signal.SIGINT, came[0])


def _end_if_requested() -> None:
    if _pending is not None:
        raise Terminated(_pending)
