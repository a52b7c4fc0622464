"""Notes on inputs by which scores promise too much: a column that alone determines the target, and dates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auxin import AuxiliaryRegressor
from auxin.data import load
from auxin.data.targets.leaks import determining
from auxin.errors import DecisionWarning

DRAW = np.random.default_rng(0)
GAIN = DRAW.normal(size=60)
TARGETS = {"up": (GAIN > 0.1).astype(int), "grade": np.digitize(GAIN, [-0.3, 0.4]), "e": np.exp(-GAIN)}


@pytest.mark.parametrize("name", TARGETS)
def test_a_column_whose_order_is_the_targets_is_found(name: str) -> None:
    frame = pd.DataFrame(
        {"gain": GAIN, "noise": DRAW.normal(size=60), "near": GAIN + 0.2 * DRAW.normal(size=60)}
    )
    assert determining(frame, TARGETS[name]) == ["gain"]


def test_gaps_and_rounding_hide_it_not() -> None:
    some = np.where(np.arange(60) % 15 == 0, np.nan, GAIN)
    frame = pd.DataFrame({"some": some, "round": GAIN.round(1)})
    assert determining(frame, TARGETS["e"]) == ["some", "round"]
    assert determining(frame, np.where(np.arange(60) % 3 == 0, np.nan, TARGETS["e"])) == ["some", "round"]


@pytest.mark.parametrize(
    "target",
    [np.array([1] * 4 + [0] * 56), np.zeros(60, int), np.where(np.arange(60) < 9, np.arange(60.0), np.nan)],
)
def test_few_rows_of_a_class_or_few_numbers_prove_nothing(target: np.ndarray) -> None:
    assert determining(pd.DataFrame({"a": -np.arange(60.0)}), target) == []


def test_equal_values_of_two_classes_are_no_threshold() -> None:
    frame = pd.DataFrame({"a": np.repeat([0.0, 1.0, 2.0], 10)})
    assert determining(frame, np.arange(30) // 15) == []


def test_a_table_names_it_and_its_dates(tmp_path: Path) -> None:
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(60) * 3, unit="D")
    frame = pd.DataFrame({"day": day, "gain": GAIN, "part": ["train", "test"] * 30, "up": TARGETS["up"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    notes = load(tmp_path / "t.csv", target="up", ignore="part").notes
    assert any(
        n.startswith("Columns that alone determine the target on every labelled row: gain.") for n in notes
    )
    assert any(n.startswith("Rows are split at random, not by day: ") for n in notes)
    assert not any("not by day" in n for n in load(tmp_path / "t.csv", target="up", split="part").notes)


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("year", 2000 + np.arange(60) // 4, True),
        ("createdAt", 1.7e9 + 3600 * np.arange(60), True),
        ("time (ms)", 1.7e12 + 3.6e6 * np.arange(60), True),
        ("year", np.arange(60) // 4, False),  # of life
        ("year_built", 1900 + np.arange(60), False),
        ("time", np.arange(60) / 7, False),
        ("id", 1.7e9 + 3600 * np.arange(60), False),
    ],
)
def test_times_that_are_written_as_numbers_are_times(
    name: str, values: np.ndarray, said: bool, tmp_path: Path
) -> None:
    shuffled = np.random.default_rng(1).permutation(values)  # no row counter
    pd.DataFrame({name: shuffled, "b": DRAW.normal(size=60), "up": TARGETS["up"]}).to_csv(
        tmp_path / "t.csv", index=False
    )
    assert any(f"not by {name}:" in n for n in load(tmp_path / "t.csv", target="up").notes) == said


def test_an_estimator_warns_of_it() -> None:
    frame = pd.DataFrame({"gain": GAIN, "b": DRAW.normal(size=60)})
    with pytest.warns(DecisionWarning, match="alone determine the target on every labelled row: gain"):
        AuxiliaryRegressor("single", steps=2, guard=False, random_state=0).fit(frame, TARGETS["e"])
