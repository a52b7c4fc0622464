"""Memory of auxin's own processes: a heap that keeps what a training step frees, fewer searches for garbage."""

import ctypes
import gc
import sys

KEPT = 32 * 2**20
"""Bytes of the largest block that the heap serves and keeps; the C library's own largest value."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_own: list[bool] = []


def set_for_training() -> None:
    """Spend less time on memory in this process; results stay the same, bit for bit.

    Every training step takes and frees the same blocks. The C library of most Linux systems returns large ones to the
    system and takes them again, page by page; from now on it keeps up to twice `KEPT`. Python searches all its objects
    for garbage whenever it holds a quarter more of them, which happens while libraries are imported, whose objects all
    stay; from now on it searches a thirtieth as often.

    Only a process that auxin started calls this: a command, or a worker.
    """
    _own.append(True)
    gc.set_threshold(20_000, 10, 10)
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(_MMAP_THRESHOLD, KEPT)
        mallopt(_TRIM_THRESHOLD, 2 * KEPT)


def own_process() -> bool:
    """Whether auxin started this process, so that what it sets for the whole process is in nobody's way."""
    return bool(_own)
