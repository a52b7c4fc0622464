"""Many runs side by side: processes with one thread each, every finished run kept whatever happens to the others."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue

from auxin.errors import RunError, message
from auxin.records.results import RunResult
from auxin.runs.job import RunSpec
from auxin.runs.listening import Listener, listen_from_now_on, listening
from auxin.runs.run import execute

POLL = 0.5
"""Seconds between two looks at running processes, for the progress bar."""


def default_jobs() -> int:
    """As many processes as this process may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def run_all(specs: Sequence[RunSpec], jobs: int, heard: Listener | None = None) -> Iterator[RunResult | None]:
    """The results as they come; None now and then while nothing has finished.

    Args:
        specs: the runs.
        jobs: processes; with one the runs take place in this process.
        heard: told, in this process, how far each run is: its folder and the share that is done.

    Raises:
        RunError: a process died (of memory, say). Errors inside a run are raised as they are; finished runs stay.
    """
    if jobs <= 1 or len(specs) <= 1:
        with listening(heard or (lambda *_: None)):
            yield from map(_execute_alone, specs)
        return
    context = get_context("spawn")
    news: SimpleQueue[tuple[str, float]] = context.SimpleQueue()
    pool = ProcessPoolExecutor(min(jobs, len(specs)), context, initializer=_start, initargs=(news,))
    try:
        waiting: set[Future[RunResult]] = {pool.submit(execute, spec) for spec in specs}
        while waiting:
            done, waiting = wait(waiting, timeout=POLL, return_when=FIRST_COMPLETED)
            while not news.empty():
                told = news.get()
                if heard is not None:
                    heard(*told)
            if not done:
                yield None
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        raise RunError(
            message(
                "A worker process died before its run was finished",
                do="It may have run out of memory: run the same command with fewer --jobs; it goes on",
            )
        ) from error
    finally:
        _stop(pool)


def _execute_alone(spec: RunSpec) -> RunResult:
    return execute(spec)


def _start(news: "SimpleQueue[tuple[str, float]]") -> None:
    """In each worker: one thread, Ctrl-C left to the parent, news for it, and an end when the parent is gone."""
    import torch

    listen_from_now_on(lambda folder, share: news.put((folder, share)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    """A parent that was killed cannot stop its workers: they see that they were orphaned, and end."""
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once; a run in progress goes on from its checkpoint another time."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join(timeout=5)
