"""Reading that takes long is shown on standard error: a count on a terminal, one line elsewhere."""

import io
import time

import pytest

from auxin.data.reading import progress
from auxin.data.reading.progress import watched


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "lines"), [(io.StringIO(), 1), (Terminal(), 0)])
def test_slow_reading_is_shown(stream, lines, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.001)
    with watched("folder/t.csv", stream):
        while not stream.getvalue():
            time.sleep(0.001)
    assert "Loading t.csv" in stream.getvalue()
    assert stream.getvalue().count("\n") == lines
    assert not lines or stream.getvalue() == "Loading t.csv ...\n"


def test_quick_reading_shows_nothing(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 600.0)  # a busy machine may stand still for two seconds
    stream = io.StringIO()
    with watched("t.csv", stream):
        pass
    assert stream.getvalue() == ""
