"""Tasks side by side in worker processes with one thread each; what has finished is kept whatever happens to others."""

import atexit
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver, get_all_start_methods, get_context
from multiprocessing.queues import SimpleQueue
from typing import Any

from auxin.errors import RunError
from auxin.runs.executors.contract import Executor, Finished, Listener, Task
from auxin.runs.executors.worker import compute, start

POLL = 0.5
"""Seconds between two looks for results."""
GRACE = 10.0
"""Seconds that workers have to reach a checkpoint when the study is interrupted."""


@dataclass(frozen=True)
class Processes(Executor):
    """Worker processes of this machine.

    A worker whose parent has died ends within a second. When the study is interrupted, workers save a checkpoint
    first, as far as they reach one within ten seconds.

    Attributes:
        jobs: Number of processes.
    """

    jobs: int

    def map(self, tasks: Sequence[Task], on_progress: Listener | None = None) -> Iterator[Finished | None]:
        """Compute the tasks side by side.

        Raises:
            RunError: A process died, of memory for example.
        """
        if not tasks:
            return
        context = _context()
        news: SimpleQueue[tuple[str, float]] = context.SimpleQueue()
        workers = min(self.jobs, len(tasks))
        pool = ProcessPoolExecutor(workers, context, initializer=start, initargs=(dict(os.environ), news))
        try:
            numbers = {pool.submit(compute, task): number for number, task in enumerate(tasks)}
            waiting: set[Future[Any]] = set(numbers)
            while waiting:
                done, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
                while not news.empty():
                    share = news.get()
                    if on_progress is not None:
                        on_progress(*share)
                if not done:
                    yield None
                for future in done:
                    yield numbers[future], future.result()
        except BrokenProcessPool as error:
            raise RunError(
                "A worker process died before its run was finished",
                do="It may have run out of memory: run the same command with fewer --jobs to resume",
            ) from error
        finally:
            _stop(pool)


def _context() -> Any:
    """Workers are forked, where that is possible, from one server process, which imports PyTorch once for all."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    atexit.register(_end_server)
    context.set_forkserver_preload(["auxin.runs.run"])
    return context


def _end_server() -> None:
    """End the server and wait for it, so that the time of its workers counts as this process's children's."""
    getattr(forkserver._forkserver, "_stop", lambda: None)()


def _stop(pool: ProcessPoolExecutor) -> None:
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        if process.is_alive():
            process.terminate()
    end = time.monotonic() + GRACE
    for process in processes:
        process.join(timeout=max(0.1, end - time.monotonic()))
        if process.is_alive():
            process.kill()
