"""New rows in another unit, dates written as ISO writes them, and masks of NumPy."""

import numpy as np
import pandas as pd
import pytest

from auxin import AuxiliaryClassifier, AuxiliaryRegressor
from auxin.data import load
from auxin.data.encoders.notices import Tally
from auxin.data.encoders.restore import restore, saved

ROWS = 60
A = np.random.default_rng(0).normal(size=ROWS).round(3)
SIZE = np.linspace(151, 193, ROWS).round(1)


@pytest.fixture
def encoder(tmp_path):
    days = pd.date_range("2020-01-01", periods=ROWS).strftime("%d.%m.%Y")
    frame = pd.DataFrame(
        {"size": SIZE, "mass": [f"{k} kg" for k in range(ROWS)], "day": days, "y": np.where(A > 0, "p", "q")}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    return restore(saved(load(tmp_path / "t.csv", target="y").encoder))  # as a saved model has it


def new(**columns):
    frame = pd.DataFrame({"size": SIZE[10:20], "mass": ["7 kg"] * 10, "day": ["03.01.2020"] * 10})
    return frame.assign(**columns)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, ""),
        ({"size": SIZE[10:20] * 10}, "'size'"),  # millimetres
        ({"size": SIZE[10:20] / 100}, "'size'"),  # metres
        ({"size": [*SIZE[10:19], 17000.0]}, "'size'"),  # one slip
        ({"size": [*SIZE[10:19], 201.0]}, ""),
        ({"size": [*SIZE[10:18], np.nan, 201.0]}, ""),
        ({"mass": ["7000"] * 10}, "'mass'"),
    ],
)
def test_numbers_outside_the_training_rows_are_said(encoder, columns, said):
    notes, tally = [], Tally()
    encoder.encode(new(**columns), notes.append)
    found = [note for note in notes if "outside those of the training rows" in note]
    assert [said in note for note in found] == ([True] if said else [])
    for part in (slice(0, 5), slice(5, 10)):
        encoder.encode(new(**columns).iloc[part], tally)
    whole: list[str] = []
    tally.report(whole.append)
    assert [note for note in whole if "outside those" in note] == found


def test_iso_dates_are_read_where_others_were_written(encoder):
    x, _ = encoder.encode(new(), lambda _: None)
    same, _ = encoder.encode(new(day=pd.Timestamp("2020-01-03")), lambda _: None)
    assert (x == same).all()


def test_masks_are_missing_values():
    x, hidden = np.c_[A, A[::-1]], np.arange(ROWS) % 5 == 0
    single = {"method": "single", "guard": False, "steps": 2, "random_state": 0}
    masked = AuxiliaryRegressor(**single).fit(x, np.ma.masked_array(np.where(hidden, -999.0, A), hidden))
    blank = AuxiliaryRegressor(**single).fit(x, np.where(hidden, np.nan, A))
    assert (masked.predict(x) == blank.predict(x)).all()
    inputs = np.ma.masked_array(x, np.c_[hidden, ~hidden])
    classes = AuxiliaryClassifier(**single).fit(inputs, A > 0)
    assert (classes.predict_proba(inputs) == classes.predict_proba(inputs.filled(np.nan))).all()
    assert AuxiliaryClassifier(**single).fit(
        x, pd.arrays.SparseArray((A > 0).astype(int))
    ).classes_.tolist() == [0, 1]
