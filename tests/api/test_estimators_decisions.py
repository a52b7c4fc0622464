"""What the estimators decide about the data is a warning and a note, and can be decided otherwise."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, KFold

from auxin import AuxiliaryClassifier, AuxiliaryRegressor
from auxin.errors import ConfigError, DecisionWarning

QUICK = {"method": "single", "steps": 5, "guard": False, "random_state": 0}
X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = np.array(["low", "high"], dtype=object)[(X[:, 0] + X[:, 1] > 0).astype(int)]


def quiet(model, *args, **kwargs):
    """The fitted model and its decision warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*args, **kwargs)
    assert all(issubclass(one.category, DecisionWarning) for one in caught)
    return model, [str(one.message) for one in caught]


@pytest.mark.parametrize("empty", ["", "  ", None, np.nan])
def test_empty_text_is_no_class_but_a_missing_label(empty) -> None:
    labels = Y.copy()
    labels[::4] = empty
    model, said = quiet(AuxiliaryClassifier(**QUICK), X, labels)
    assert model.classes_.tolist() == ["high", "low"]
    none = Y.copy()
    none[::4] = None
    other = AuxiliaryClassifier(**QUICK).fit(X, none)
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    assert model.score(X, labels) == other.score(X, none)
    text = ["15 labels of y are empty text, which counts as missing."] if isinstance(empty, str) else []
    assert said == text
    assert set(said) <= set(model.notes_)


def test_empty_text_is_a_missing_number() -> None:
    values = X[:, 0].astype(object)
    values[:10] = ""
    gaps = np.where(np.arange(60) < 10, np.nan, X[:, 0])
    model, said = quiet(AuxiliaryRegressor(**QUICK), X, values)
    np.testing.assert_array_equal(model.predict(X), AuxiliaryRegressor(**QUICK).fit(X, gaps).predict(X))
    assert said == ["10 labels of y are empty text, which counts as missing."]


def test_a_class_that_is_a_mark_of_a_missing_label_in_files_is_named() -> None:
    labels = np.where(np.arange(60) < 7, "NA", Y)
    model, said = quiet(AuxiliaryClassifier(**QUICK), X, labels)
    assert "NA" in model.classes_
    assert len(said) == 1
    assert "'NA' (7 rows)" in said[0]


def test_whole_numbers_as_auxiliary_are_a_guess_that_kinds_settles() -> None:
    others = {
        "grade": np.arange(60) % 4,
        "rings": np.arange(60) % 15,
        "size": X[:, 1],
        "sex": np.arange(60) % 2,
    }
    _, said = quiet(AuxiliaryClassifier("equal", steps=2, guard=False), X, Y, others)
    assert [line.split(";")[0] for line in said] == [
        "The auxiliary 'grade' has 4 different whole numbers, which are taken as classes",
        "The auxiliary 'rings' has 15 different whole numbers, which are taken as numbers (regression)",
    ]
    kinds = {"grade": "ordered", "rings": "classes"}
    model, said = quiet(AuxiliaryClassifier("equal", steps=2, guard=False, kinds=kinds), X, Y, others)
    assert not said
    assert any("grade (ordered" in note and "rings (classes" in note for note in model.notes_)
    for wrong in ({"weight": "classes"}, {"grade": "colour"}):
        with pytest.raises(ConfigError, match="kinds is not usable"):
            AuxiliaryClassifier("equal", kinds=wrong).fit(X, Y, others)


def test_marks_among_the_words_of_an_auxiliary_are_named() -> None:
    words = np.array(["red", "blue", "?"], dtype=object)[np.arange(60) % 3]
    model, said = quiet(AuxiliaryClassifier("equal", steps=2, guard=False), X, Y, {"colour": words})
    assert said == ["Missing in 'colour': '?' (20)."]
    assert any("colour (classes: blue, red)" in note for note in model.notes_)


def test_columns_left_out_are_a_warning_and_ordinary_ones_are_not() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(day=pd.date_range("2024-01-01", periods=60))
    assert quiet(AuxiliaryClassifier(**QUICK), frame, Y)[1] == []
    more = frame.assign(code=[f"k{n}" for n in range(60)], one=1.0)
    model, said = quiet(AuxiliaryClassifier(**QUICK), more, Y)
    assert len(said) == 2
    assert any("code" in line for line in said)
    assert any("one" in line for line in said)
    assert set(said) <= set(model.notes_)
    kept = AuxiliaryClassifier(**QUICK, keep=["code", "one"])
    assert not [line for line in quiet(kept, more, Y)[1] if "code" in line]


@pytest.mark.parametrize("rare", [["x"], ["NA", None], [float("nan")]])
def test_an_auxiliary_of_one_class_is_left_out(rare) -> None:
    column = [*rare, *["z"] * (60 - len(rare))]
    train = np.arange(60) >= 2
    others = pd.DataFrame({"rare": column, "width": X[:, 1]})
    _, said = quiet(AuxiliaryClassifier(**QUICK), X[train], Y[train], auxiliaries=others[train])
    assert said == [
        "The auxiliary 'rare' has fewer than two different labels on these 58 rows, so it is left out."
    ]


@pytest.mark.parametrize("method", ["single", "equal"])
def test_a_grid_search_goes_on_where_a_fold_lacks_an_auxiliary_class(method) -> None:
    others = pd.DataFrame({"rare": ["x"] * 2 + ["z"] * 58, "width": X[:, 1]})
    model = AuxiliaryClassifier(**{**QUICK, "method": method})
    grid = {"learning_rate": [1e-3, 1e-2]}
    search = GridSearchCV(model, grid, cv=KFold(3), error_score="raise")
    with pytest.warns(DecisionWarning, match="left out"):
        search.fit(X, Y, auxiliaries=others)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
