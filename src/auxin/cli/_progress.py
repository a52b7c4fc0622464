"""The progress bar of every verb that trains: one line per kind of run, with the remaining time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from auxin.cli._console import Output


class ProgressCallback(Protocol):
    """A callback that receives a name, the amount done (may be fractional), the total, and a description."""

    def __call__(self, name: str, done: float, total: float, what: str = "") -> None: ...


EVERY = 30.0
"""Seconds between two progress lines where the output is not a terminal."""


@contextmanager
def progress(output: Output) -> Iterator[ProgressCallback]:
    """Yield a callback that shows progress.

    In a terminal it draws one bar per name and removes it at the end. In a file or a pipe it prints one line every
    `EVERY` seconds.
    """
    if not output.words.is_terminal:
        yield _lines(output)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    columns = (
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(min_width=12, no_wrap=True, overflow="ellipsis"),
        ),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=output.words, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(name: str, done: float, total: float, what: str = "") -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            elif done and not bar.tasks[tasks[name]].completed:
                bar.reset(tasks[name])  # measure time from the first progress, not from the announcement
            bar.update(tasks[name], description=what or name, completed=done, total=total)

        yield show


def _lines(output: Output) -> ProgressCallback:
    begun: dict[str, tuple[float, float]] = {}
    last = time.monotonic()

    def show(name: str, done: float, total: float, what: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if done:  # before the first progress, processes start
            begun.setdefault(name, (now, done))
        if now - last >= EVERY and total:
            last = now
            since, before = begun.get(name, (now, done))
            output.print(f"  {line(what or name, done, total, now - since, before)}")

    return show


def line(name: str, done: float, total: float, seconds: float, before: float = 0.0) -> str:
    """Return the progress and the remaining time as a sentence; the time once one has been done.

    Args:
        name: What is done.
        done: How much of it is done, may be fractional.
        total: How much there is.
        seconds: Time since `before` was done.
        before: How much was done then.

    >>> line("tuning runs", 12.4, 48, 62.0)
    'tuning runs: 12 of 48, about 3 min left for these'
    >>> line("final runs", 0.3, 45, 31.0, 0.1)
    'final runs: 0 of 45'
    """
    if done - before < 1:
        return f"{name}: {int(done)} of {int(total)}"
    left = seconds * (total - done) / (done - before)
    remaining = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
    return f"{name}: {int(done)} of {int(total)}, about {remaining} left for these"
