"""The labels of new rows are read as those of the training rows were, in whichever way these were written."""

import numpy as np
import pandas as pd
import pytest

from auxin.data import load, restore
from auxin.data.encoders.restore import saved
from auxin.exported.labels import labels_of

SIZE = np.arange(60) % 25 + 1.5


def form_and_task(tmp_path, labels, sep=",", **options):
    """What a model keeps of a table with these labels, after it was saved."""
    rows = pd.DataFrame({"x": np.arange(60) % 7 / 7, "z": np.arange(60) % 4, "y": labels})
    rows.to_csv(tmp_path / "t.csv", index=False, sep=sep, decimal="," if sep == ";" else ".")
    dataset = load(tmp_path / "t.csv", target="y", **options)
    return restore(saved(dataset.encoder)).labels, dataset.tasks["y"]


def read(form_task, labels):
    said = []
    found = labels_of(form_task[1], pd.Series(labels, name="y"), said.append, form_task[0])
    return found.tolist(), " ".join(said)


def test_a_mark_of_a_missing_label_is_one_in_new_rows(tmp_path):
    numbers = form_and_task(tmp_path, np.where(SIZE < 4, -999, SIZE), missing="y=-999")
    assert read(numbers, ["-999.0", "3", "NA"])[0] == pytest.approx([np.nan, 3, np.nan], nan_ok=True)
    classes = form_and_task(
        tmp_path, np.where(SIZE < 9, "none", np.where(SIZE < 15, "a", "b")), missing="y=none"
    )
    assert read(classes, ["none", "a", "b"]) == ([-1, 0, 1], "")


def test_a_class_that_is_called_as_a_mark_stays_a_class(tmp_path):
    form_task = form_and_task(tmp_path, np.where(SIZE < 9, "N/A", "b"), missing="y=")
    assert read(form_task, ["N/A", "b", ""]) == ([0, 1, -1], "")
    assert read((None, form_task[1]), ["N/A", "b", ""]) == ([0, 1, -1], "")  # of a model without a file


def test_numbers_of_another_unit_are_no_labels(tmp_path):
    weights = form_and_task(tmp_path, [f"{v} kg" for v in SIZE])
    found, said = read(weights, ["5 kg", "5", "5000 g"])
    assert found == pytest.approx([5, 5, np.nan], nan_ok=True)
    assert said == (
        "Labels of 'y' that are not numbers as the training rows had (commas between thousands, unit kg) are treated "
        "as missing: '5000 g'."
    )
    shares = form_and_task(tmp_path, [f"{v} %" for v in SIZE])
    assert read(shares, ["5 %", "0.05"])[0] == pytest.approx([5, np.nan], nan_ok=True)
    plain = form_and_task(tmp_path, SIZE / 100)
    assert read(plain, ["0.05", "5 %", "inf"])[0] == pytest.approx([0.05, np.nan, np.nan], nan_ok=True)


def test_numbers_are_read_in_the_style_of_the_training_rows(tmp_path):
    commas = form_and_task(tmp_path, [f"{v:.3f}".replace(".", ",") for v in SIZE], sep=";")
    assert read(commas, ["1,500", "2,250"])[0] == [1.5, 2.25]  # taken by themselves, thousands
    thousands = form_and_task(tmp_path, [f"{1000 * v:,.0f}" for v in SIZE])
    assert read(thousands, ["1,500", "2,250"])[0] == [1500, 2250]
    found, said = read(commas, ["1.500", "2.250"])
    assert np.isnan(found).all()
    assert "'1.500'" in said
