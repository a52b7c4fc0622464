"""Tasks one after another, in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from auxin.runs.executors.contract import Executor, Finished, Listener, Task, listening


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes on one thread inside, as it does in every worker process, so that results are the same."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Serial(Executor):
    """One task at a time, in this process.

    >>> from functools import partial
    >>> list(Serial().map([partial(max, 1, 2), partial(max, 5, 3)]))
    [(0, 2), (1, 5)]
    """

    def map(self, tasks: Sequence[Task], on_progress: Listener | None = None) -> Iterator[Finished | None]:
        """Compute the tasks in their order."""
        with one_thread(), listening(on_progress or (lambda *_: None)):
            for number, task in enumerate(tasks):
                yield number, task()
