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
    begun: dict[str, float] = {}
    last = time.monotonic()

    def show(name: str, done: float, total: float, what: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        begun.setdefault(name, now)
        if now - last >= EVERY and total:
            last = now
            output.print(f"  {line(what or name, done, total, now - begun[name])}")

    return show


def line(name: str, done: float, total: float, seconds: float) -> str:
    """Return the progress and the remaining time as a sentence.

    >>> line("tuning runs", 12.4, 48, 62.0)
    'tuning runs: 12 of 48, about 3 min left'
    """
    left = seconds * (total - done) / done if done > 0 else None
    remaining = (
        ""
        if left is None
        else f", about {left:.0f} s left"
        if left < 90
        else f", about {left / 60:.0f} min left"
    )
    return f"{name}: {int(done)} of {int(total)}{remaining}"
