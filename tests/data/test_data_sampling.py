"""Batches: every row once, nothing of one row, and a stream that goes on exactly."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auxin.data import Stream, epoch_batches
from auxin.errors import ConfigError, DataError, RunError


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@given(n=st.integers(1, 60), size=st.integers(1, 20), drop_last=st.booleans())
@settings(derandomize=True)
def test_an_epoch(n, size, drop_last):
    rows = torch.arange(100, 100 + n)
    batches = epoch_batches(rows, size, seeded(), drop_last)
    taken = torch.cat(batches)
    assert len(taken.unique()) == len(taken)
    assert set(taken.tolist()) <= set(rows.tolist())
    if drop_last and n >= size:
        assert {len(b) for b in batches} == {size}
        assert len(taken) == n // size * size
    else:
        assert len(taken) == n
    if size > 1 and n > 1:
        assert min(len(b) for b in batches) > 1


def test_an_epoch_is_seeded_and_shuffled():
    rows = torch.arange(50)
    one, two, three = (torch.cat(epoch_batches(rows, 7, seeded(s))) for s in (0, 0, 1))
    assert one.equal(two)
    assert not one.equal(three)
    assert not one.equal(rows)


def test_a_last_batch_of_one_row_joins_the_one_before():
    assert [len(b) for b in epoch_batches(torch.arange(9), 4, seeded())] == [4, 5]
    assert [len(b) for b in epoch_batches(torch.arange(10), 4, seeded())] == [4, 4, 2]
    assert [len(b) for b in epoch_batches(torch.arange(1), 4, seeded())] == [1]
    assert epoch_batches(torch.arange(0), 4, seeded()) == []


@given(takes=st.lists(st.integers(0, 25), max_size=8), n=st.integers(1, 12), stop=st.integers(0, 8))
@settings(derandomize=True)
def test_a_stream_goes_on_exactly(takes, n, stop):
    whole, before = (Stream(torch.arange(n) + 5, seeded(3)) for _ in range(2))
    expected = [whole.take(k).tolist() for k in takes]
    got = [before.take(k).tolist() for k in takes[:stop]]
    buffer = io.BytesIO()
    torch.save(before.state_dict(), buffer)
    buffer.seek(0)
    after = Stream(torch.arange(n) + 5, seeded(99))
    after.load_state_dict(torch.load(buffer, weights_only=True))
    got += [after.take(k).tolist() for k in takes[stop:]]
    assert got == expected
    assert [len(part) for part in got] == takes


def test_a_stream_shows_every_row_once_before_any_twice():
    stream = Stream(torch.arange(10), seeded())
    rows = torch.cat([stream.take(3) for _ in range(10)])
    for epoch in rows.split(10):
        assert sorted(epoch.tolist()) == list(range(10))


def test_a_saved_state_is_not_changed_by_going_on():
    stream = Stream(torch.arange(6), seeded())
    stream.take(2)
    state = stream.state_dict()
    expected = stream.take(9)
    stream.load_state_dict(state)
    assert stream.take(9).equal(expected)


def test_refused():
    with pytest.raises(ConfigError, match="batch size"):
        epoch_batches(torch.arange(3), 0, seeded())
    with pytest.raises(DataError, match="A stream needs rows"):
        Stream(torch.arange(0), seeded())
    with pytest.raises(RunError, match=r"does not fit.*the same 4 rows.*3 rows"):
        Stream(torch.arange(4), seeded()).load_state_dict(Stream(torch.arange(3), seeded()).state_dict())
