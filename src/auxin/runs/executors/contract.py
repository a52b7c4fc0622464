"""The contract of an executor: tasks in, results out, in whatever order they finish."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from auxin.runs.listening import Listener

Task = Callable[[], Any]
"""One unit of work: called without arguments, possibly in another process, so it must be picklable."""

Finished = tuple[int, Any]
"""The number of a task in the sequence that was given, and its result."""


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
