"""What a worker process does first. It imports nothing heavy: a worker must see early that its parent has died."""

import os
import signal
import sys
import threading
from multiprocessing import parent_process
from multiprocessing.queues import SimpleQueue
from typing import Any

from auxin.interrupts import Terminated, handle_signals, leave
from auxin.memory import set_for_training
from auxin.runs.executors.contract import listen_from_now_on


def start(environment: dict[str, str], news: "SimpleQueue[tuple[str, float]]") -> None:
    """Follow the parent, leave Ctrl-C to it, send it progress, and compute on one thread.

    Args:
        environment: The parent's environment variables. A server process that forks workers may have older ones.
        news: Takes each run's folder and the share of it that is done.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(environment)
    set_for_training()
    sys.stdout = sys.stderr  # a plugin may print, and standard output is the command's (--json)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle_signals(leave)
    listen_from_now_on(lambda folder, share: news.put((folder, share)))
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def compute(task: Any) -> Any:
    """Compute a task; a worker that was asked to end does so after its checkpoint."""
    try:
        return task()
    except Terminated as stop:
        leave(stop.signum)
