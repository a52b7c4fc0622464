"""The line of progress where the output is no terminal: its time begins with the first progress, not with the start."""

import io

import pytest
from rich.console import Console

from auxin.cli import _progress
from auxin.studies.engine import Progress


class Words:
    """Output to a file."""

    def __init__(self) -> None:
        self.words, self.said = Console(file=io.StringIO()), list[str]()

    def print(self, text: str) -> None:
        self.said.append(text.strip())


def test_the_start_of_processes_is_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    now, output = [0.0], Words()
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with _progress.progress(output) as show:  # type: ignore[arg-type]
        for seconds, done in ((0, 0.0), (40, 0.2), (80, 1.0), (120, 2.2), (160, 3.2)):
            now[0] = float(seconds)
            show(Progress("tuning runs", int(done), 10, running=done % 1))
    assert output.said == [
        "tuning runs: 0 of 10",
        "tuning runs: 1 of 10",
        "tuning runs: 2 of 10, about 5 min left for these",
        "tuning runs: 3 of 10, about 5 min left for these",
    ]


def test_a_time_that_was_computed_is_said_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now, output = [0.0], Words()
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with _progress.progress(output) as show:  # type: ignore[arg-type]
        for seconds, left in ((0, None), (40, None), (80, 300.0), (120, 20.0)):
            now[0] = float(seconds)
            show(Progress("parts", seconds // 10, 13, left=lambda left=left: left))
    assert output.said == [
        "parts: 4 of 13",
        "parts: 8 of 13, about 5 min left for these",
        "parts: 12 of 13, about 20 s left for these",
    ]


def test_a_terminal_shows_the_time_that_was_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Words()
    output.words = Console(file=io.StringIO(), force_terminal=True, width=100)
    with _progress.progress(output) as show:  # type: ignore[arg-type]
        show(Progress("parts", 1, 13, left=lambda: 3725.0))
    assert "1:02:05" in output.words.file.getvalue()
