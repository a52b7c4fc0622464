"""The executor of a verb's units: the options `--jobs`, `--engine` and `--address`, and torchrun's ranks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from auxin.runs.executors import Executor

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Number of training runs computed in parallel, one thread each. Default: the number of cores.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Executor of the runs: `serial`, `processes`, `ray`, `torchrun`, or `auto` (torchrun's ranks if "
        "started by torchrun, otherwise processes).",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Address of a Ray cluster. `auto`: the cluster running on this machine. Default: start a local one.",
    ),
]


def executor(engine: str, jobs: int | None, address: str | None) -> "Executor":
    """Return the executor that the options `--engine`, `--jobs` and `--address` select."""
    from auxin.runs.executors import default_jobs, pick

    return pick(engine, default_jobs() if jobs is None else jobs, address)


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
