"""Rows that are copies but for a column, or for the last digits, are said, and other tables are left in peace."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from auxin import AuxiliaryClassifier
from auxin.data import load
from auxin.data.targets.between import between
from auxin.data.targets.copies import copies
from auxin.errors import DecisionWarning


def table(copy=3, seed=0):
    """Thirty rows of noise, each so many times, and their labels."""
    draw = np.random.default_rng(seed)
    rows = pd.DataFrame(draw.normal(size=(30, 4)), columns=list("abcd"))
    return rows.loc[np.repeat(np.arange(30), copy)].reset_index(drop=True), np.repeat(np.arange(30) % 2, copy)


def numbers(count):
    return np.random.default_rng(1).permutation(count)


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        (lambda t: t.assign(id=numbers(90)), ("id",)),
        (lambda t: t.assign(when=pd.date_range("2024-01-01", periods=90, freq="h").astype(str)), ("when",)),
        (lambda t: t.assign(lab=np.tile(["u", "v", "w"], 30)), ("lab",)),
        (lambda t: t.assign(id=numbers(90), at=numbers(90)[::-1]), ("at", "id")),
        (lambda t: t * (1 + 1e-6 * np.random.default_rng(2).normal(size=t.shape)), ()),
    ],
)
def test_copies_but_for_a_column_or_two_or_the_last_digits(change, columns):
    rows, labels = table()
    found = copies(change(rows), labels.astype(float))
    assert found[0] >= 80
    assert tuple(sorted(found[1])) == columns


def test_equal_rows_of_different_labels_and_rows_that_differ_are_none():
    rows, labels = table()
    dose = rows.assign(dose=np.tile([1, 2, 3], 30))
    assert copies(dose, np.random.default_rng(0).normal(size=90)) == (0, ())
    assert copies(rows, labels.astype(float)) == (0, ())  # exactly equal: kept together in any case
    for one in (load_iris, load_wine, load_breast_cancer, load_diabetes):
        made = one(as_frame=True)
        assert copies(made.data, made.target.to_numpy(float)) == (0, ())
    grid = pd.DataFrame(
        {"a": np.arange(90) % 3, "b": np.arange(90) % 5, "c": np.arange(90) % 2, "d": numbers(90)}
    )
    assert copies(grid, labels * 0.0) == (0, ())  # few different rows: equal by coincidence


def test_tables_and_estimators_say_so(tmp_path):
    rows, labels = table()
    rows = rows.assign(shot=numbers(90) / 7)
    rows.assign(y=labels, site=numbers(90) % 30).to_csv(tmp_path / "t.csv", index=False)
    said = "90 labelled rows are equal to another one, its label included, in all columns but shot"
    assert any(said in note for note in load(tmp_path / "t.csv", target="y", ignore="site").notes)
    assert not any(
        "labelled rows are equal" in n for n in load(tmp_path / "t.csv", target="y", group="site").notes
    )
    for x, name in ((rows, "leave shot out of X"), (rows.to_numpy(), "leave column 4 out of X")):
        with pytest.warns(DecisionWarning, match=name):
            AuxiliaryClassifier("single", steps=1, guard=False, random_state=0).fit(x, labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DecisionWarning)
        model = AuxiliaryClassifier("single", steps=1, guard=False, random_state=0)
        model.fit(rows.to_numpy(), labels, groups=np.arange(90) // 3)


def oversampled(decimals, seed=0):
    """Rows of noise, and as many of the second class again between two of them that are near."""
    draw = np.random.default_rng(seed)
    rows, labels = draw.normal(size=(120, 4)), np.arange(120) % 2
    second = rows[labels == 1]
    near = np.argsort(((second[:, None] - second) ** 2).sum(2), 1)[:, 1:6]
    other = second[near[np.arange(60), draw.integers(5, size=60)]]
    made = second + draw.random((60, 1)) * (other - second)
    table = pd.DataFrame(np.r_[rows, made].round(decimals), columns=list("abcd"))
    return table, np.r_[labels, np.ones(60)]


@pytest.mark.parametrize("decimals", [12, 4])
def test_rows_made_by_oversampling_are_said(decimals, tmp_path):
    rows, labels = oversampled(decimals)
    rows.assign(y=np.where(labels, "p", "n")).to_csv(tmp_path / "t.csv", index=False)
    said = "of the labelled rows lie exactly between two others of their label"
    assert any(said in note for note in load(tmp_path / "t.csv", target="y").notes)
    with pytest.warns(DecisionWarning, match=said):
        AuxiliaryClassifier("single", steps=1, guard=False, random_state=0).fit(rows, labels)


def test_rows_between_others_by_coincidence_are_none():
    draw = np.random.default_rng(0)
    rows, labels = oversampled(12)
    assert between(rows.iloc[:120], labels[:120]) == 0
    line = draw.normal(size=(90, 1)) * [1.0, 2.0, 3.0, 4.0]
    assert between(pd.DataFrame(line), np.zeros(90)) == 0
    grid = pd.DataFrame(draw.integers(5, size=(400, 4)).astype(float))
    assert between(grid, np.zeros(400)) == 0
    for one in (load_iris, load_wine, load_breast_cancer, load_diabetes):
        made = one(as_frame=True)
        assert between(made.data, made.target.to_numpy(float)) < 0.02
