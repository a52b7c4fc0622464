"""Columns that are collected batch by batch, few or many, with more rows than were expected."""

import numpy as np
import pyarrow as pa
import pytest

from auxin.data.reading.typed import APART, TypedColumns


@pytest.mark.parametrize("count", [3, APART + 4])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("rows", [0, 3, 100])
def test_columns_hold_every_batch(count, late, rows):
    names = [f"c{number}" for number in range(count)]
    cells = np.arange(8 * count).reshape(8, count).astype(str).astype(object)
    cells[:, 1] = "word"
    if late:
        cells[7, 2] = "word"
    batches = [
        pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in part.T], names)
        for part in (cells[:2], cells[2:5], cells[5:])
    ]
    typed = TypedColumns(names, [], rows=rows)
    for batch in batches:
        typed.add(batch)
    assert typed.late == (["c2"] if late else [])
    for batch in batches if late else []:
        typed.again(batch)
    frame = typed.frame()
    words = {"c1", "c2"} if late else {"c1"}
    assert list(frame.columns) == names
    for place, name in enumerate(names):
        wanted = cells[:, place].tolist() if name in words else cells[:, place].astype(float).tolist()
        assert frame[name].tolist() == wanted
