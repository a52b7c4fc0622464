"""Columns that tell the target by their values or gaps, rows that total the others, and indexes in any order."""

import numpy as np
import pandas as pd
import pytest

from auxin.data import load
from auxin.data.targets.copies import copies
from auxin.errors import DataError

ROWS = 100
DRAW = np.random.default_rng(0)
A, B = DRAW.normal(size=(2, ROWS)).round(3)
NUMBERS = (A + DRAW.normal(size=ROWS)).round(4)
CLASSES = np.where(NUMBERS > 0, "pos", "neg")


def notes(tmp_path, columns, target=CLASSES):
    frame = pd.DataFrame({"a": A, "b": B, **columns, "y": target})
    frame.to_csv(tmp_path / "t.csv", index=False)
    return " ".join(load(tmp_path / "t.csv", target="y").notes)


def test_a_column_filled_in_one_class_alone_is_said(tmp_path):
    days = [str(k) if c == "pos" and k % 4 else "" for k, c in enumerate(CLASSES)]
    told = "filled, or empty, in rows of one class only: days"
    assert told in notes(tmp_path, {"days": days})
    assert told not in notes(tmp_path, {"days": [str(k) if k % 4 else "" for k in range(ROWS)]})
    few = [str(k) if c == "pos" and k < 8 else "" for k, c in enumerate(CLASSES)]  # by chance
    assert told not in notes(tmp_path, {"days": few})


def test_words_of_one_class_each_are_said(tmp_path):
    status = [f"{c}{k % 3}" for k, c in enumerate(CLASSES)]
    told = "determine the target on every labelled row: status"
    assert told in notes(tmp_path, {"status": status})
    assert told not in notes(tmp_path, {"status": ["x" if k % 7 == 0 else s for k, s in enumerate(status)]})


def test_ranges_of_the_target_are_said(tmp_path):
    ranges = pd.cut(NUMBERS, [-9, -1, 0, 1, 9], labels=["w", "x", "y", "z"]).astype(str)
    told = "determine the target on every labelled row: range"
    assert told in notes(tmp_path, {"range": ranges}, NUMBERS)
    assert told not in notes(tmp_path, {"range": ranges[::-1]}, NUMBERS)


def test_copied_rows_make_no_column_a_leak(tmp_path):
    frame = pd.DataFrame({"a": [*range(10)] * 10, "b": [*range(10)] * 10, "y": ["p", "q"] * 50})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert "determine" not in " ".join(load(tmp_path / "t.csv", target="y").notes)


def test_rows_that_are_equal_by_chance_are_no_copies():
    frame = pd.DataFrame({"a": A, "b": B, "c": DRAW.integers(3, size=ROWS), "d": np.arange(ROWS) % 30})
    assert copies(frame, (np.arange(ROWS) % 30 > 15).astype(float)) == (0, ())


@pytest.mark.parametrize("target", [CLASSES, NUMBERS.clip(0).round(1)])
def test_a_last_row_of_totals_is_refused(target, tmp_path):
    frame = pd.DataFrame({"c": ["u", "v"] * 50, "n": np.arange(ROWS), "y": target}).astype(object)
    total = "" if isinstance(target[0], str) else round(float(target.sum()), 1)
    frame.loc[ROWS] = ["Total", sum(range(ROWS)), total]
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"totals of the rows above.*c=Total"):
        load(tmp_path / "t.csv", target="y")
    frame.loc[ROWS] = ["u", 55, "neg" if total == "" else 0.5]
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert len(load(tmp_path / "t.csv", target="y")) == ROWS + 1


@pytest.mark.parametrize(
    ("name", "left_out"), [("", True), ("Unnamed: 0", True), ("id", True), ("size", False)]
)
def test_an_index_in_another_order_is_left_out(name, left_out, tmp_path):
    number = np.random.default_rng(1).permutation(3 * ROWS)[:ROWS]
    assert ("row counter" in notes(tmp_path, {name: number})) == left_out


def test_a_code_for_missing_among_classes_is_said(tmp_path):
    grades = np.where(np.arange(ROWS) % 12 == 0, 99, np.arange(ROWS) % 5 + 1)
    assert "y (99 in 9 rows)" in notes(tmp_path, {}, grades)
