"""What a worker process does first. It imports nothing heavy: a worker must see early that its parent has died."""

import signal
from multiprocessing.queues import SimpleQueue
from typing import Any

from auxin.interrupts import Terminated, follow, heed, leave
from auxin.runs.listening import listen_from_now_on


def start(parent: int, news: "SimpleQueue[tuple[str, float]]") -> None:
    """Follow the parent, leave Ctrl-C to it, send it progress, and compute on one thread.

    Args:
        parent: The parent's process id. It comes from the parent: a worker that asks for it after its parent has
            died is told another process's.
        news: Takes each run's folder and the share of it that is done.
    """
    follow(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    heed(leave)
    listen_from_now_on(lambda folder, share: news.put((folder, share)))
    import torch

    torch.set_num_threads(1)


def compute(task: Any) -> Any:
    """Compute a task; a worker that was asked to end does so after its checkpoint."""
    try:
        return task()
    except Terminated as stop:
        leave(stop.signum)
