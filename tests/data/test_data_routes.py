"""A delimited file is read the same way by every route: columns read as numbers at once, cell by cell, or by pandas."""

import gzip
import random

import pandas as pd
import pytest

from auxin.data.reading import delimited
from auxin.data.reading.frame import read_frame

VOCABULARIES = {
    "plain": ["1", "2.5", "-3", "0.05", "1e-05", "-0.5"],
    "marks": ["1", "2.5", "NA", "?", "", "n/a", "missing"],
    "dashes": ["1", "2.5", "-", ".", "--", "1.#IND"],
    "late dashes": ["1.5"] * 40 + ["-"],
    "codes": ["01", "2", "10"],
    "late codes": ["1"] * 40 + ["007"],
    "negative codes": ["-07", "3", "8"],
    "late words": ["1"] * 40 + ["one"],
    "blanks": [" 1 ", "2", " 3"],
    "special": ["nan", "-nan", "1", "inf", "-inf"],
    "dates": ["2020-01-05", "2021-10-07"],
    "quoted": ['"1"', '"a, b"', '"say ""a"""'],
}


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_route_reads_the_same(name, tmp_path, monkeypatch):
    draw, words = random.Random(0), VOCABULARIES[name]
    cells = words if name.startswith("late") else [draw.choice(words) for _ in range(60)]
    text = "x,a,y\n" + "".join(f"{k / 7:.4f},{cell},{k % 3}\n" for k, cell in enumerate(cells))
    (tmp_path / "t.csv").write_text(text)
    (tmp_path / "t.csv.gz").write_bytes(
        gzip.compress(text.encode())
    )  # a compressed file is read cell by cell
    monkeypatch.setattr(delimited, "FIRST", 64)  # so that what comes late is not in the first block
    monkeypatch.setattr(delimited, "PIECE", 7)
    at_once, cells = (read_frame(tmp_path / file, verbatim=["y"]) for file in ("t.csv", "t.csv.gz"))
    monkeypatch.setattr(delimited, "_batches", refuse)
    by_pandas = read_frame(tmp_path / "t.csv", verbatim=["y"])
    pd.testing.assert_frame_equal(at_once, cells)
    pd.testing.assert_frame_equal(at_once, by_pandas)


def refuse(*_, **__):
    raise delimited.pa.ArrowInvalid("not this way")
