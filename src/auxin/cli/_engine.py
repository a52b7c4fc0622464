"""Where a verb computes its units: the options `--jobs`, `--engine` and `--address`, and torchrun's ranks."""

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
        help="Units computed side by side, one thread each. Default: the number of cores.",
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Where units are computed: `serial`, `processes`, `ray`, or `torchrun` (its ranks). Default: ranks under "
        "torchrun, else processes.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Of a Ray cluster (`auto`: the one of this machine). Default: start one.",
    ),
]


def executor(engine: str, jobs: int | None, address: str | None) -> "Executor":
    """The executor that the three options mean."""
    from auxin.runs.executors import default_jobs, pick

    return pick(engine, default_jobs() if jobs is None else jobs, address)


@contextmanager
def conducting(engine: str) -> Iterator[bool]:
    """Whether this process runs the study. The other ranks of a torchrun compute its units inside, and do no more."""
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
