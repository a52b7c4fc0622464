"""Two processes of data parallelism on this machine, which meet at a file: a port could be taken by another program."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from torch import distributed as dist

MEET = "AUXIN_TEST_MEET"


def start(
    script: str, folder: Path, ranks: Sequence[int] = (0, 1), *arguments: str
) -> list[subprocess.Popen]:
    """Start the script once for each of these ranks, in the folder where they meet.

    Args:
        script: Lines of Python, which call `joined`.
        folder: Where they run and write.
        ranks: Of the two processes, those to start.
        *arguments: The script's `sys.argv[1:]`.
    """
    (folder / "script.py").write_text(script)
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, MEET: str(folder / "meet"), "PYTHONPATH": paths}
    command = [sys.executable, "-W", "ignore", "script.py", *arguments]
    return [subprocess.Popen(command, cwd=folder, env={**environment, "RANK": str(rank)}) for rank in ranks]


def ended(running: Sequence[subprocess.Popen]) -> None:
    """Wait for the processes, which all have to end well."""
    try:
        assert [process.wait(timeout=600) for process in running] == [0] * len(running)
    finally:
        for process in running:
            process.kill()


@contextmanager
def joined(folder: Path | None = None, rank: int | None = None, processes: int = 2) -> Iterator[int]:
    """Join the group of this process, and give its rank.

    Args:
        folder: Where they meet; None in a process that `start` started.
        rank: Of this process; None in a process that `start` started.
        processes: How many there are.
    """
    meet = os.environ[MEET] if folder is None else str(folder / "meet")
    rank = int(os.environ["RANK"]) if rank is None else rank
    limit = timedelta(seconds=600)
    dist.init_process_group(
        "gloo", init_method=f"file://{meet}", rank=rank, world_size=processes, timeout=limit
    )
    try:
        yield rank
    finally:
        gc.collect()  # a network's DistributedDataParallel may still hold the group
        dist.destroy_process_group()


def group_threads() -> list[str]:
    """The names of the threads of gloo that this process has; none where the system has no /proc."""
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]
