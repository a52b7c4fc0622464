"""The progress of a run for a progress bar: reported after every epoch, received in this process or another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, float], None]
"""Told a run's folder and the share of it that is done, 0 to 1."""

_listeners: list[Listener] = []


def report(folder: str, share: float) -> None:
    """Report progress to the listener of this process."""
    for listener in _listeners:
        listener(folder, share)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear the runs of this process inside.

    >>> heard = []
    >>> with listening(lambda folder, share: heard.append(share)):
    ...     report("runs/a", 0.5)
    >>> report("runs/a", 0.9)
    >>> heard
    [0.5]
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def listen_from_now_on(listener: Listener) -> None:
    """Hear the runs of this process until it ends (a worker's way)."""
    _listeners.append(listener)
