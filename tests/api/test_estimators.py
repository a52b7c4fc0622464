"""The scikit-learn estimators: missing labels, auxiliaries, images, tools around them."""

import pickle
import random

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import auxin
from auxin import AuxiliaryClassifier, AuxiliaryRegressor
from auxin.errors import ConfigError, DataError, DecisionWarning

FAST = {"steps": 40, "random_state": 0}
CLASSES = make_classification(120, 6, n_informative=4, random_state=0)
NUMBERS = make_regression(120, 5, noise=1.0, random_state=0)


def test_it_learns_and_its_probabilities_are_some() -> None:
    X, y = CLASSES
    longer = {**FAST, "steps": 100}
    model = AuxiliaryClassifier("single", **longer).fit(X, np.array(["no", "yes"])[y])
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.score(X, np.array(["no", "yes"])[y]) > 0.8
    found = model.predict_proba(X)
    np.testing.assert_allclose(found.sum(1), 1.0)
    assert (model.classes_[found.argmax(1)] == model.predict(X)).all()
    X, y = NUMBERS
    assert AuxiliaryRegressor("single", **longer).fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize(
    "auxiliaries",
    [
        {
            "near": CLASSES[0][:, 0],
            "word": np.where(CLASSES[0][:, 1] > 0, "up", None),
            "two": CLASSES[0][:, :2],
        },
        pd.DataFrame({"near": CLASSES[0][:, 0], "level": (CLASSES[0][:, 1] > 0).astype(int)}),
        CLASSES[0][:, :2],
        (CLASSES[0][:, 0] > 0).astype(int).tolist(),
    ],
    ids=["mapping", "frame", "array", "list"],
)
def test_auxiliaries_in_every_form(auxiliaries) -> None:
    if isinstance(auxiliaries, dict):
        auxiliaries["word"][:3] = "down"
    X, y = CLASSES
    model = AuxiliaryClassifier(guard=False, **FAST).fit(X, y, auxiliaries=auxiliaries)
    assert model.kept_ == "equal"
    assert list(model.model_.predictor.state_dict())[-1].startswith("head.")
    assert model.predict(X[:3]).shape == (3,)


def test_the_guard_says_what_it_kept() -> None:
    X, y = CLASSES
    model = AuxiliaryClassifier("equal", **FAST).fit(X, y, auxiliaries=X[:, 0])
    assert model.kept_ in ("equal", "single")
    assert any("is kept: equal scored" in note for note in model.notes_)
    scores = model.model_.training.decision.validation
    assert model.validation_score_ == scores[model.kept_] == max(scores.values())


def test_too_few_rows_for_a_guard_are_said() -> None:
    X, y = np.arange(6.0).reshape(3, 2), [0, 1, 1]
    model = AuxiliaryClassifier("equal", **FAST).fit(X, y, auxiliaries=[0.5, 1.5, 2.0])
    assert model.kept_ == "single"
    assert model.validation_score_ is None
    assert any("no validation rows" in note for note in model.notes_)


@pytest.mark.parametrize("blank", [np.nan, None])
def test_rows_without_y_train_the_auxiliaries_alone(blank) -> None:
    X, y = CLASSES
    some = y.astype(object)
    some[30:] = blank
    model = AuxiliaryClassifier("equal", guard=False, **FAST).fit(X, some, auxiliaries=X[:, 0])
    assert model.classes_.tolist() == [0, 1]
    rows = model.model_.training.rows
    assert (rows["unlabelled"], rows["train"] + rows["validation"]) == (90, 30)
    minus = np.where(y == 0, -1, 1)
    assert AuxiliaryClassifier("single", **FAST).fit(X, minus).classes_.tolist() == [-1, 1]
    X, y = NUMBERS
    y = np.where(np.arange(len(y)) < 40, y, np.nan)
    assert (
        AuxiliaryRegressor("equal", guard=False, **FAST).fit(X, y, X[:, 0]).model_.training.rows["unlabelled"]
        == 80
    )


def test_missing_inputs_are_the_mean() -> None:
    X, y = CLASSES
    X = X.copy()
    X[::7, 2] = np.nan
    model = AuxiliaryClassifier("single", **FAST).fit(X, y)
    mean = float(model.model_.predictor.mean[2])
    filled = np.where(np.isnan(X), mean, X)
    np.testing.assert_allclose(model.predict_proba(X), model.predict_proba(filled), atol=1e-6)


def test_images_in_every_layout() -> None:
    images, y = load_digits(return_X_y=True)
    images, y = images[:120].reshape(-1, 8, 8).astype(np.uint8), y[:120]
    small = {**FAST, "steps": 5, "settings": {"model.channel_width": 4}}
    one = AuxiliaryClassifier("single", **small).fit(images, y)
    last = AuxiliaryClassifier("single", **small).fit(images[..., None], y)
    np.testing.assert_array_equal(one.predict_proba(images), last.predict_proba(images[..., None]))
    assert one.model_.trunk.name == "conv4"
    with pytest.raises(ValueError, match="C at most 4"):
        AuxiliaryClassifier("single", **small).fit(images.reshape(-1, 8, 8, 1).repeat(8, 3), y)


def test_the_tools_around_estimators() -> None:
    X, y = CLASSES
    frame = pd.DataFrame(X, columns=[f"c{k}" for k in range(6)])
    model = AuxiliaryClassifier("single", **FAST).fit(frame, y)
    assert model.feature_names_in_.tolist() == list(frame.columns)
    assert model.n_features_in_ == 6
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    assert not hasattr(clone(model), "model_")
    piped = make_pipeline(StandardScaler(), AuxiliaryClassifier("equal", guard=False, **FAST))
    aux = X[:, :1]
    scores = cross_val_score(piped, X, y, cv=2, params={"auxiliaryclassifier__auxiliaries": aux})
    assert scores.mean() > 0.6
    search = GridSearchCV(
        AuxiliaryClassifier("equal", **FAST), {"guard": [False], "learning_rate": [1e-3, 1e-2]}, cv=2
    )
    assert search.fit(X, y, auxiliaries=pd.DataFrame(aux)).best_params_["learning_rate"] in (1e-3, 1e-2)
    with pytest.raises(ValueError, match="In cross-validation give a DataFrame"):
        AuxiliaryClassifier("equal", **FAST).fit(X[:60], y[:60], auxiliaries={"a": aux[:, 0]})


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(1).item()  # noqa: NPY002  the global generator


def test_the_programs_own_randomness_is_left_alone() -> None:
    found = []
    for fits in (False, True):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        if fits:
            AuxiliaryClassifier("single", **FAST).fit(*CLASSES)
        found.append(draws())
    assert found[0] == found[1]


def test_rows_in_another_order_are_the_same_fit() -> None:
    X, y = CLASSES
    order = np.random.default_rng(0).permutation(len(y))
    one = AuxiliaryClassifier("single", **FAST).fit(X, y)
    two = AuxiliaryClassifier("single", **FAST).fit(X[order], y[order])
    assert one.model_.training.split_hash == two.model_.training.split_hash
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-9)


def test_save_is_a_model_for_the_command_line(tmp_path) -> None:
    X, y = NUMBERS
    model = AuxiliaryRegressor("single", **FAST).fit(X, y)
    model.save(tmp_path / "m")
    again = auxin.load_model(tmp_path / "m")
    found = again.predict(again.inputs(X)).values.numpy()
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-6)


def test_verbose_says_how_far_it_is(capsys) -> None:
    X, y = CLASSES
    AuxiliaryClassifier("equal", verbose=1, **FAST).fit(X, y, X[:, 0])
    said = capsys.readouterr().err
    assert "epoch" in said
    assert "validation" in said
    assert "is kept" in said


@pytest.mark.parametrize(
    ("estimator", "y", "auxiliaries", "said"),
    [
        (AuxiliaryClassifier("singel"), CLASSES[1], None, "Did you mean 'single'"),
        (AuxiliaryClassifier("equal"), CLASSES[1], None, "have no auxiliary labels"),
        (AuxiliaryClassifier(metric="r2"), CLASSES[1], None, "does not fit the main task"),
        (AuxiliaryClassifier(), np.zeros(120), None, "one class"),
        (AuxiliaryClassifier(), CLASSES[1], np.zeros((120, 2, 2)), r"Expected \[N\] or \[N, K\]"),
        (AuxiliaryRegressor("maxl"), NUMBERS[1], None, "need a main task of classes"),
        (
            AuxiliaryRegressor(),
            np.full(120, "a"),
            None,
            r"Expected numbers, .* Found <U1, such as 'a'\. Convert",
        ),
    ],
)
def test_what_cannot_be_fitted_is_said(estimator, y, auxiliaries, said) -> None:
    with pytest.raises(ValueError, match=said):
        estimator.set_params(steps=2).fit(CLASSES[0], y, auxiliaries)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("method", [3]),
        ("validation", [-1, "a", 1.5, np.nan]),
        ("steps", [0, "a", 2.5, True]),
        ("learning_rate", [0, "a", np.inf]),
        ("settings", [3]),
        ("text", ["words", [3]]),
        ("keep", ["x"]),
        ("max_rows", [0, "a", 50.5]),
    ],
)
def test_arguments_that_mean_nothing_are_refused_by_their_names(name, values) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=f"^{name}=.* is not usable. Expected "):
            AuxiliaryClassifier(**{name: value}).fit(*CLASSES)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="device is not available"):
        AuxiliaryClassifier("single", steps=2, device="gpu").fit(*CLASSES)


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame])
def test_inputs_that_float32_blurs_are_named(form) -> None:
    X, y = CLASSES
    X = np.column_stack([X, 1.7e9 + 30 * X[:, 0]])
    X = form(X) if form is np.asarray else form(X, columns=[str(k) for k in range(7)])
    with pytest.warns(DecisionWarning, match="does not tell apart.*: 6. Subtract"):
        AuxiliaryClassifier("single", steps=2, random_state=0).fit(X, y)


def test_the_default_searches_as_fit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxin.fitting.network.STEPS", 20)
    monkeypatch.setattr("auxin.fitting.search.FOLDS", 3)
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 3))
    y = np.where(x[:, 0] > 0, "up", "down").astype(object)
    y[40:] = None
    model = AuxiliaryClassifier(random_state=0).fit(x, y, auxiliaries={"part": x[:, 0] ** 3})
    assert (model.predict(x[40:]) == np.where(x[40:, 0] > 0, "up", "down")).mean() > 0.8
    assert model.advice_[0].startswith("This model is")
    assert model.predict_proba(x).shape == (60, 2)
    with pytest.raises(ConfigError, match="steps belongs to the network of a named method"):
        AuxiliaryClassifier("best", steps=5).fit(x, y)


@pytest.mark.parametrize("kind", ["Int64", "UInt8", "boolean", "int64[pyarrow]"])
def test_nullable_labels_stay_what_they_are(kind):
    X, y = np.arange(40.0)[:, None] % 7, np.arange(40) % 2
    whole = pd.Series(y).astype(kind)
    gaps = whole.copy()
    gaps[3] = None
    for labels in (whole, gaps):
        model = AuxiliaryClassifier("single", steps=1, guard=False, random_state=0).fit(X, labels)
        assert model.classes_.dtype.kind in ("b" if kind == "boolean" else "iu")
        assert model.predict(X).dtype == model.classes_.dtype


def test_words_and_numbers_are_no_labels_together():
    with pytest.raises(DataError, match=r"mixes words and other labels.*int, str"):
        AuxiliaryClassifier().fit(np.zeros((4, 1)), np.array([1, "0", 1, "0"], dtype=object))
