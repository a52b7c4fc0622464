"""Which process conducts a study: under torchrun the first rank does, and the others compute its units."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def conducting(engine: str) -> Iterator[bool]:
    """Yield whether this process runs the study. The other ranks of a torchrun compute its units, then yield False."""
    if engine not in ("auto", "torchrun") or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield True
        return
    from auxin.runs.executors.torchrun import dismiss, serve

    if serve():
        yield False
        return
    try:
        yield True
    finally:
        dismiss()
