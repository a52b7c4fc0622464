"""Tasks on the ranks that `torchrun` started: every rank takes whole tasks, rank 0 conducts."""

import os
import pickle
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from auxin.errors import ConfigError
from auxin.interrupts import Terminated
from auxin.runs.executors.contract import Executor, Finished, Listener, Task

POLL = 0.1
"""Seconds between two looks for results or for tasks."""


@cache
def _store() -> tuple[Any, int, int]:
    """torchrun's key-value store, this process's rank, and how many ranks there are."""
    from torch.distributed.rendezvous import rendezvous

    if "RANK" not in os.environ:
        do = "Start it as: torchrun --nproc-per-node N -m auxin ..."
        raise ConfigError("--engine torchrun needs torchrun", do=do)
    store, rank, size = next(rendezvous("env://"))
    return store, rank, size


class Ranks(Executor):
    """The ranks of one `torchrun`. Rank 0 runs the study and takes tasks like the others; they do nothing else.

    Tasks are taken one by one from a counter in torchrun's store, so that a slow one delays no other. Results
    travel through the store, and files through the folder, which all ranks must see.
    """

    rounds = 0

    def map(self, tasks: Sequence[Task], on_progress: Listener | None = None) -> Iterator[Finished | None]:
        """Compute the tasks on all ranks; the results equal those of one process."""
        del on_progress
        store, _, _ = _store()
        number = Ranks.rounds
        Ranks.rounds += 1
        for place, task in enumerate(tasks):
            store.set(f"{number}/task/{place}", pickle.dumps(task))
        store.set(f"{number}/tasks", str(len(tasks)))
        waiting = set(range(len(tasks)))
        while waiting:
            busy = _take(store, number, len(tasks))
            for place in sorted(waiting):
                if store.check([f"{number}/result/{place}"]):
                    waiting.remove(place)
                    yield place, _opened(store.get(f"{number}/result/{place}"))
            if not busy and waiting:
                time.sleep(POLL)
                yield None


def serve() -> bool:
    """Compute tasks until rank 0 has finished, where this process is another rank; tells whether it was."""
    if int(os.environ.get("RANK", "0")) == 0:
        return False
    import torch

    torch.set_num_threads(1)
    store, _, _ = _store()
    number = 0
    while True:
        if store.check([f"{number}/tasks"]):
            count = int(store.get(f"{number}/tasks"))
            while _take(store, number, count):
                pass
            number += 1
        elif store.check(["finished"]):
            store.add("gone", 1)
            return True
        else:
            time.sleep(POLL)


def dismiss(seconds: float = 60.0) -> None:
    """Tell the other ranks that there are no more tasks, and wait until they have heard it. Rank 0 calls it."""
    store, _, size = _store()
    store.set("finished", "1")
    end = time.monotonic() + seconds
    while store.add("gone", 0) < size - 1 and time.monotonic() < end:
        time.sleep(POLL)


def _take(store: Any, number: int, count: int) -> bool:
    """Compute one task, if one is left."""
    place = store.add(f"{number}/taken", 1) - 1
    if place >= count:
        return False
    try:
        made: tuple[str, Any] = ("result", pickle.loads(store.get(f"{number}/task/{place}"))())
    except Terminated:
        raise
    except Exception as error:
        made = ("error", error)
    store.set(f"{number}/result/{place}", pickle.dumps(made))
    return True


def _opened(content: bytes) -> Any:
    kind, value = pickle.loads(content)
    if kind == "error":
        raise value
    return value
