"""The estimators on DataFrames with words, dates, categories and gaps."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

import auxin
from auxin import AuxiliaryClassifier, AuxiliaryRegressor
from auxin.data import load
from auxin.errors import DataError, DecisionWarning

pytestmark = pytest.mark.filterwarnings("ignore::auxin.errors.DecisionWarning")
QUICK = {"method": "single", "steps": 40, "guard": False, "random_state": 0}


def passengers(rows: int = 90, seed: int = 0) -> pd.DataFrame:
    """A table as that of the Titanic's passengers: numbers, words, a date, categories, yes and no, gaps, an ID."""
    draw = np.random.default_rng(seed)
    sex = draw.choice(["male", "female"], rows)
    survived = np.where(draw.random(rows) < np.where(sex == "female", 0.95, 0.05), "yes", "no")
    age = draw.normal(30, 10, rows).round(1)
    age[::9] = np.nan
    return pd.DataFrame(
        {
            "PassengerId": np.arange(rows),
            "Name": [f"Miss passenger{k}" for k in range(rows)],
            "Sex": sex,
            "Age": age,
            "Class": pd.Categorical(draw.choice([1, 2, 3], rows)),
            "Port": pd.Series(draw.choice(["S", "C", None], rows), dtype="str"),
            "Boarded": pd.Timestamp("1912-04-10") + pd.to_timedelta(draw.integers(0, 3, rows), unit="D"),
            "Alone": draw.random(rows) < 0.5,
            "Fare": draw.gamma(2, 20, rows).round(2),
            "Survived": survived,
        }
    )


def parts(rows: int = 90, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    frame = passengers(rows, seed)
    return frame.drop(columns="Survived"), frame["Survived"]


def test_a_frame_is_encoded_as_the_command_line_encodes_the_file(tmp_path: Path) -> None:
    X, y = parts(120)
    passengers(120).to_parquet(tmp_path / "t.parquet")
    table = load(str(tmp_path / "t.parquet"), target="Survived")
    model = AuxiliaryClassifier(**QUICK).fit(X, y)
    encoder = table.encoder.fit(table.raw)
    assert model.model_.encoder.state()["columns"] == encoder.state()["columns"]
    found, wanted = model.model_.inputs(X), model.model_.inputs(tmp_path / "t.parquet", lambda _: None)
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    assert model.feature_names_in_.tolist() == list(X.columns)
    assert model.n_features_in_ == 9
    assert any("PassengerId" in note for note in model.notes_)
    assert any("IDs): Name (keep them with keep=)" in note for note in model.notes_)
    kept = AuxiliaryClassifier(**QUICK, keep=["PassengerId"], text=["Name"]).fit(X, y)
    assert kept.model_.encoder.texts == ["Name"]
    assert "PassengerId" in [column.name for column in kept.model_.encoder.columns]


def test_the_search_learns_from_a_frame_and_is_the_command_lines_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxin.fitting.network.STEPS", 20)
    monkeypatch.setattr("auxin.fitting.search.FOLDS", 3)
    X, y = parts(60)
    y = y.astype(object).where(np.arange(60) < 40, None)
    model = AuxiliaryClassifier(random_state=0).fit(X, y, auxiliaries=X[["Fare"]])
    new, truth = parts(60, seed=1)
    assert (model.predict(new) == truth).mean() > 0.8
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))
    assert not hasattr(clone(model), "model_")
    model.save(tmp_path / "m")
    loaded = auxin.load_model(tmp_path / "m")
    np.testing.assert_allclose(
        loaded.predict(loaded.inputs(new)).probabilities.numpy(), model.predict_proba(new), atol=1e-6
    )


def test_other_columns_at_predict_are_refused_and_new_categories_count_as_missing() -> None:
    X, y = parts()
    model = AuxiliaryClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="same order"):
        model.predict(X[X.columns[::-1]])
    with pytest.raises(ValueError, match="unseen at fit time"):
        model.predict(X.assign(Deck="A"))
    with pytest.raises(ValueError, match="now missing"):
        model.predict(X.drop(columns="Age"))
    other = X.assign(Port=pd.Series(["Q"] * len(X), dtype="str"))
    with pytest.warns(UserWarning, match="'Q'"):
        found = model.predict_proba(other)
    blank = X.assign(Port=pd.Series([None] * len(X), dtype="str"))
    np.testing.assert_array_equal(found, model.predict_proba(blank))


def test_an_array_of_the_same_columns_is_taken() -> None:
    X, y = parts()
    X = X[["Age", "Sex", "Fare"]]
    model = AuxiliaryClassifier(**QUICK).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(model.predict(X.to_numpy()), model.predict(X))
    numbered = X.set_axis([0, 1, 2], axis=1)
    found = AuxiliaryClassifier(**QUICK).fit(numbered, y).predict(numbered)
    np.testing.assert_array_equal(found, model.predict(X))


def test_another_packages_frame_is_taken_through_arrow() -> None:
    import pyarrow as pa

    class Frame:
        """What auxin needs of a Polars frame."""

        def __init__(self, table: pa.Table) -> None:
            self.table, self.columns, self.shape = table, table.column_names, table.shape

        def __len__(self) -> int:
            return len(self.table)

        def __getitem__(self, names: list[str]) -> "Frame":
            return Frame(self.table.select(names))

        def __arrow_c_stream__(self, schema: object = None) -> object:
            return self.table.__arrow_c_stream__(schema)

    X, y = parts()
    X = X.drop(columns="Class")
    other = Frame(pa.Table.from_pandas(X))
    model = AuxiliaryClassifier(**QUICK).fit(other, y)
    np.testing.assert_array_equal(
        model.predict_proba(other), AuxiliaryClassifier(**QUICK).fit(X, y).predict_proba(X)
    )


def test_a_frame_without_rows_yet_is_refused_in_words() -> None:
    class LazyFrame:
        """What Polars calls a query."""

    with pytest.raises(DataError, match=r"LazyFrame.*X\.collect"):
        AuxiliaryClassifier(**QUICK).fit(LazyFrame(), ["a", "b"])


def test_cross_validation_scores_the_labelled_rows() -> None:
    X, y = parts()
    X = X.drop(columns="Name")
    labels = y.astype(object).where(np.arange(90) % 3 > 0, None)
    scores = cross_val_score(
        AuxiliaryClassifier(**QUICK), X, labels, cv=KFold(3, shuffle=True, random_state=0)
    )
    assert np.isfinite(scores).all()
    model = AuxiliaryClassifier(**QUICK).fit(X, labels)
    known = labels.notna()
    assert model.score(X, labels) == (model.predict(X[known]) == y[known]).mean()
    fare = X["Fare"].where(np.arange(90) % 3 > 0)
    regressor = AuxiliaryRegressor(**QUICK).fit(X.drop(columns="Fare"), fare)
    assert regressor.score(X.drop(columns="Fare"), fare) == regressor.score(
        X.drop(columns="Fare")[known], fare[known]
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda X: X.assign(Age=[*[1.0, "two"] * 45]), "neither numbers, words"),
        (lambda X: X.assign(Fare=[np.inf, *range(89)]), "not usable"),
        (lambda X: X.iloc[:, [0, 0]], "unique column names|have one name"),
        (lambda X: X[["PassengerId"]], "X: No column is left"),
        (lambda X: X.assign(Lists=[{"a": 1}] * 90), "several values in a cell"),
        (lambda X: X.iloc[:0], "different numbers of rows"),
    ],
)
def test_what_cannot_be_encoded_is_said(change, said: str) -> None:
    X, y = parts()
    with pytest.raises(ValueError, match=said):
        AuxiliaryClassifier(**QUICK).fit(change(X), y)


def test_a_column_that_holds_y_is_noted() -> None:
    X, y = parts()
    model = AuxiliaryClassifier(**QUICK).fit(X.assign(Copy=y), y)
    assert "Columns of X that contain y itself: Copy." in model.notes_


def test_rows_of_one_group_stay_together() -> None:
    X, y = parts()
    model = AuxiliaryClassifier(**{**QUICK, "guard": True, "method": "denoising"}, validation=0.3)
    model.fit(X, y, groups=np.arange(90) // 30)
    rows = model.model_.training.rows
    assert (rows["train"], rows["validation"]) in ((60, 30), (30, 60))
    owner = X.assign(CustomerId=np.arange(90) // 9)
    assert any('groups=X["CustomerId"]' in note for note in AuxiliaryClassifier(**QUICK).fit(owner, y).notes_)
    with pytest.raises(ValueError, match="The groups do not fit X"):
        model.fit(X, y, groups=[1, 2])


def test_what_an_auxiliary_was_taken_for_is_noted() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    others = {"grade": np.arange(60) % 3, "size": x[:, 0] * 2}
    fitted = AuxiliaryClassifier("equal", steps=2, random_state=0).fit(x, x[:, 0] > 0, others)
    assert any("grade (classes: 0, 1, 2), size (regression)." in note for note in fitted.notes_)


def test_rows_whose_index_has_another_order_are_said():
    rows = pd.DataFrame({"a": np.arange(60.0) % 7, "b": np.arange(60) % 4 / 3}, index=np.arange(100, 160))
    labels = pd.Series(np.arange(60) % 2, index=rows.index)
    model = AuxiliaryClassifier("single", steps=1, guard=False, random_state=0)
    with pytest.warns(DecisionWarning, match=r"index of y .*y\.loc\[X\.index\]"):
        model.fit(rows, labels[::-1])
    with pytest.warns(DecisionWarning, match="index of auxiliaries"):
        model.fit(rows, labels, auxiliaries={"c": labels[::-1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error", DecisionWarning)
        model.fit(rows, labels)
        model.fit(
            rows, labels.reset_index(drop=True), groups=labels
        )  # another index, not another order of it
    assert not any("index" in note for note in model.notes_)


def test_numbers_that_may_stand_for_missing_values_are_said():
    rows = pd.DataFrame(
        {"a": np.arange(60.0) % 7, "b": np.where(np.arange(60) % 9, np.arange(60) % 4 / 3, -999)}
    )
    with pytest.warns(DecisionWarning, match=r"missing values: b \(-999 in 7 rows\)\. If so, make them NaN"):
        AuxiliaryClassifier("single", steps=1, guard=False, random_state=0).fit(rows, np.arange(60) % 2)
