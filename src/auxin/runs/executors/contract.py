"""The contract of an executor: tasks in, results out, in whatever order they finish, and progress in between."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Task = Callable[[], Any]
"""One unit of work: called without arguments, possibly in another process, so it must be picklable."""

Finished = tuple[int, Any]
"""The number of a task in the sequence that was given, and its result."""

Listener = Callable[[str, float], None]
"""Told a run's folder and the share of it that is done, 0 to 1."""


class Executor(ABC):
    """Computes tasks.

    A task that raises ends the whole: the exception is raised by `map`, and what other tasks wrote stays.
    Results do not depend on the executor: every task sets its own seeds and runs on one thread.
    """

    @abstractmethod
    def map(self, tasks: Sequence[Task], on_progress: Listener | None = None) -> Iterator[Finished | None]:
        """Compute the tasks.

        Args:
            tasks: What to compute.
            on_progress: Called in this process with the folder of a run in progress and the share of it that is done.

        Returns:
            each task's number and result as they finish; None now and then while nothing has finished.
        """


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
