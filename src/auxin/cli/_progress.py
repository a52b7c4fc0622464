"""The progress bar of every verb that trains: one line per kind of run, with the remaining time."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from auxin.cli._console import Output
from auxin.studies.engine import NotifyProgress, Progress

EVERY = 30.0
"""Seconds between two progress lines where the output is not a terminal."""
LOOK = 0.5
"""Seconds between two looks at the time that is left."""


@contextmanager
def progress(output: Output) -> Iterator[NotifyProgress]:
    """Yield a callback that prints sentences and shows progress.

    In a terminal it draws one bar per kind of units and removes it at the end. In a file or a pipe it prints one line
    every `EVERY` seconds. Where nothing tells the time left, units are taken to be equally long.
    """
    with _bar(output) if output.words.is_terminal else nullcontext() as bar:
        show = _lines(output) if bar is None else _bars(bar)

        def notify(event: Progress | str) -> None:
            if isinstance(event, str):
                output.print(f"  {event}")
            else:
                show(event)

        yield notify


def _bars(bar: Any) -> Callable[[Progress], None]:
    tasks: dict[str, Any] = {}
    last = -math.inf

    def show(event: Progress) -> None:
        nonlocal last
        name, done = event.phase, event.done + event.running
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=event.total, left=None)
        elif done and not bar.tasks[tasks[name]].completed:
            bar.reset(tasks[name])  # measure time from the first progress, not from the announcement
        known = {}
        if event.left is not None and time.monotonic() - last >= LOOK:
            last, known = time.monotonic(), {"left": event.left()}
        bar.update(tasks[name], completed=done, total=event.total, **known)

    return show


def _bar(output: Output) -> Any:
    from rich import progress as rich
    from rich.table import Column
    from rich.text import Text

    class TimeLeft(rich.TimeRemainingColumn):
        """The time left that was computed, where one was."""

        def render(self, task: Any) -> Text:
            left = task.fields["left"]
            if left is None or task.finished:
                return super().render(task)
            return Text(
                f"{left // 3600:.0f}:{left // 60 % 60:02.0f}:{left % 60:02.0f}", style="progress.remaining"
            )

    return rich.Progress(
        rich.TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(min_width=12, no_wrap=True, overflow="ellipsis"),
        ),
        rich.BarColumn(bar_width=24),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TextColumn("left"),
        TimeLeft(),
        console=output.words,
        transient=True,
    )


def _lines(output: Output) -> Callable[[Progress], None]:
    begun: dict[str, tuple[float, float]] = {}
    last = time.monotonic()

    def show(event: Progress) -> None:
        nonlocal last
        now, done, total = time.monotonic(), event.done + event.running, event.total
        if done:  # before the first progress, processes start
            begun.setdefault(event.phase, (now, done))
        if now - last >= EVERY and total:
            last = now
            since, before = begun.get(event.phase, (now, done))
            left = event.left() if event.left is not None else proportional(done, total, now - since, before)
            output.print(f"  {line(event.phase, done, total, left)}")

    return show


def proportional(done: float, total: float, seconds: float, before: float = 0.0) -> float | None:
    """The seconds left where all pieces take as long as those so far; None before one has been done.

    Args:
        done: How much is done, may be fractional.
        total: How much there is.
        seconds: Time since `before` was done.
        before: How much was done then.

    >>> round(proportional(12.4, 48, 62.0))
    178
    >>> proportional(0.3, 45, 31.0, 0.1)
    """
    return seconds * (total - done) / (done - before) if done - before >= 1 else None


def line(name: str, done: float, total: float, left: float | None) -> str:
    """Return the progress and the remaining time as a sentence.

    Args:
        name: What is done.
        done: How much of it is done, may be fractional.
        total: How much there is.
        left: The seconds that the rest takes, where they are known.

    >>> line("tuning runs", 12.4, 48, 178.0)
    'tuning runs: 12 of 48, about 3 min left for these'
    >>> line("final runs", 0.3, 45, None)
    'final runs: 0 of 45'
    """
    if left is None:
        return f"{name}: {int(done)} of {int(total)}"
    remaining = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
    return f"{name}: {int(done)} of {int(total)}, about {remaining} left for these"
