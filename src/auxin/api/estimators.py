"""scikit-learn estimators that learn from auxiliary tasks: the search of `auxin fit`, or one network."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from torch import Tensor

from auxin.api import _xy
from auxin.api._frames import Inputs, inputs_of, is_frame
from auxin.api._undisturbed import undisturbed
from auxin.data import Dataset, Splits, make_splits
from auxin.data.encoders.table import Columns
from auxin.errors import ConfigError, DataError, message
from auxin.methods import resolve
from auxin.methods._base import Setting
from auxin.runs.build import applicable
from auxin.runs.metric import settle
from auxin.runs.settings import layered
from auxin.studies.fit_finish import TrainingDetails, finish, follow
from auxin.studies.fit_job import EpochProgress, FitJob
from auxin.studies.fit_search import Wanted, search, searchable

BEST = "best"
"""The method that stands for the search of `auxin fit`."""
PASSES, FEWEST, MOST = 60, 150, 1500
"""Where no steps are given: so many passes over the rows, within these steps."""


class _LabelledScore:
    """A score over the rows whose y is not missing, in place of scikit-learn's own."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """scikit-learn's score (accuracy, or R²) over the rows whose y is not missing.

        So `cross_val_score` and `GridSearchCV` work where labels are missing; give them `cv=KFold(...)`, since their
        default stratifies by y and takes no missing labels.
        """
        known = ~np.asarray(pd.isna(column_or_1d(y)))
        if known.all():
            return super().score(X, y, sample_weight)  # type: ignore[misc]
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        labels = np.array(column_or_1d(y)[known].tolist())  # words among None are objects
        rows = _safe_indexing(X, np.flatnonzero(known))
        return super().score(rows, labels, weight)  # type: ignore[misc]


class _AuxiliaryEstimator(BaseEstimator):
    """What classifier and regressor share."""

    _kind: str
    _alone: str
    n_features_in_: int

    def __init__(
        self,
        method: str | None = None,
        *,
        guard: bool = True,
        validation: float = 0.2,
        steps: int | None = None,
        learning_rate: float = 3e-3,
        metric: str | None = None,
        settings: Mapping[str, Setting] | None = None,
        text: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        random_state: Any = None,
        device: str = "cpu",
        verbose: int = 0,
    ) -> None:
        self.method = method
        self.guard = guard
        self.validation = validation
        self.steps = steps
        self.learning_rate = learning_rate
        self.metric = metric
        self.settings = settings
        self.text = text
        self.keep = keep
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    def _train(self, X: Any, target: Tensor, names: list[str], auxiliaries: Any, groups: Any) -> None:
        begun, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        x = self._inputs(X, target)
        others = _xy.auxiliary_tasks(auxiliaries, len(target))
        task = _xy.main_task(
            self._kind, len(names), names, {*others, *getattr(self, "feature_names_in_", ())}
        )
        dataset = _xy.dataset_of(x, (task, target), others, groups)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        one_network = self.steps is not None or self.settings is not None
        searches = self.method == BEST or (self.method is None and not one_network)
        if searches and searchable(dataset, int(dataset.has_main().sum())):
            return self._search(dataset, seed, started)
        splits, notes = _split(dataset, seed, self.validation)
        notes = [*dataset.notes, *notes]
        name = self._method(dataset)
        if self.guard and not len(splits.validation) and resolve(name).auxiliary:
            notes.append("There are no validation rows to compare methods on: y is trained alone (single).")
            name = "single"
        job = self._job(dataset, splits, name, seed)
        with undisturbed():
            trained = follow(job, self.guard)
            about = TrainingDetails(
                self.method or name, started, time.perf_counter() - begun, notes=tuple(notes)
            )
            fitted = finish(job, trained, about)
        self.model_ = fitted.model
        self.kept_ = fitted.model.training.method
        self.validation_score_ = fitted.model.training.validation
        self.notes_ = list(fitted.model.training.notes)
        if self.verbose:
            self._say(" ".join([f"Kept: {self.kept_}.", *self.notes_]))

    def _search(self, dataset: Dataset, seed: int, started: str) -> None:
        """What `auxin fit` does at its defaults: estimators, networks and blends by cross-validation."""
        for name in ("steps", "settings"):
            if getattr(self, name) is not None:
                wrong = f"{name} belongs to the network of a named method"
                raise ConfigError(message(wrong, found=f'method="{BEST}"', do=f"Leave {name} out"))
        splits = make_splits(dataset, seed=seed, validation=0.0, test=0.0)
        metric = settle(self.metric, dataset.tasks[dataset.main])
        with undisturbed():
            wanted = Wanted(metric, decides=self.metric is not None, seed=seed % 2**16, started=started)
            self.model_ = search(dataset, splits, wanted, self._say if self.verbose else lambda _: None)
        record = self.model_.training
        self.kept_, self.validation_score_, self.notes_ = record.method, record.validation, list(record.notes)
        self.advice_ = list(record.advice)
        if self.verbose:
            self._say(" ".join(self.advice_))

    def _method(self, dataset: Dataset) -> str:
        """The method's name; None is settled here."""
        others = len(dataset.tasks) > 1
        name = self.method if self.method is not None else ("equal" if others else self._alone)
        if self.method is None and applicable(resolve(name), dataset) is not None:
            name = "single"
        reason = applicable(resolve(name), dataset)
        if reason is not None:
            do = "Give auxiliaries=, or choose another method"
            raise ConfigError(message(f"The method {name!r} cannot run on these data: {reason}", do=do))
        return name

    def _job(self, dataset: Dataset, splits: Splits, name: str, seed: int) -> FitJob:
        method = resolve(name)
        own = {"optimizer": "adam", "clip": 1.0, "lr": float(self.learning_rate), **(self.settings or {})}
        modality = "image" if len(dataset.shape) == 3 else "vector"
        settings = layered(dataset.name, modality, method, "auxin", own, {})
        if "epochs" not in own and "steps" not in own:
            batch = settings["batch"]
            assert isinstance(batch, int)
            passes = PASSES * -(-len(splits.train) // batch)
            settings["steps"] = self.steps if self.steps is not None else min(max(passes, FEWEST), MOST)
        tell = self._told if self.verbose else None
        metric = settle(self.metric, dataset.tasks[dataset.main])
        return FitJob(dataset, splits, method, name, settings, seed, None, metric, self.device, tell=tell)

    def _told(self, told: EpochProgress) -> None:
        every = max(1, told.epochs // 10)
        if told.epoch % every == 0 or told.epoch == told.epochs:
            losses = ", ".join(f"{name} {loss:.4f}" for name, loss in told.losses.items())
            score = "" if told.validation is None else f"  validation {told.validation:.4f}"
            self._say(f"{told.phase:<7} epoch {told.epoch:>4}/{told.epochs}  loss: {losses}{score}")

    def _say(self, text: str) -> None:
        print(f"[{type(self).__name__}] {text}", file=sys.stderr)

    def _check_x(self, x: Any, reset: bool) -> Any:
        """X as it is fitted: a frame, or numbers; of the same columns, in the same order, as in `fit`."""
        if is_frame(x) if reset else isinstance(self.model_.encoder, Columns):
            found: Any = validate_data(self, x, reset=reset, skip_check_array=True)
            return found if is_frame(x) else self._named(found)
        found = validate_data(
            self, x, reset=reset, dtype="numeric", ensure_all_finite="allow-nan", allow_nd=True
        )
        return found

    def _named(self, x: Any) -> pd.DataFrame:
        """An array as the DataFrame of `fit`, whose columns are taken to be in the same order."""
        names = getattr(self, "feature_names_in_", range(self.n_features_in_))
        return pd.DataFrame(np.asarray(x), columns=list(names)).infer_objects()

    def _inputs(self, X: Any, target: Tensor) -> Inputs:
        """X of `fit` as a data set holds it."""
        x = self._check_x(X, reset=True)
        if len(x) != len(target):
            raise DataError(
                message("X and y have different numbers of rows", found=f"{len(x)} and {len(target)}")
            )
        return inputs_of(x, target, self.text or (), self.keep or ()) if is_frame(x) else _xy.of_array(x)

    def _outputs(self, x: Any) -> Any:
        check_is_fitted(self, "model_")
        checked = self._check_x(x, reset=False)
        return self.model_.predict(self.model_.inputs(checked) if is_frame(checked) else _xy.inputs(checked))

    def save(self, folder: Path | str) -> None:
        """Write the trained network as `auxin fit` does: for `auxin.load_model` and `auxin export`."""
        check_is_fitted(self, "model_")
        self.model_.save(folder)


def _split(dataset: Dataset, seed: int, validation: float) -> tuple[Splits, list[str]]:
    """The rows' roles; too few rows for a validation set leave it empty, and that is said."""
    try:
        splits = make_splits(dataset, seed=seed, validation=validation, test=0.0)
        return splits, list(splits.notes)
    except DataError as error:
        if not validation:
            raise
        splits = make_splits(dataset, seed=seed, validation=0.0, test=0.0)
        return splits, [*splits.notes, f"There are no validation rows: {error}"]


class AuxiliaryClassifier(_LabelledScore, ClassifierMixin, _AuxiliaryEstimator):
    """A classifier that also learns from auxiliary tasks, where that helps: the search of `auxin fit`, or one network.

    With a named method a network is trained by it and, with the guard, another one on y alone; the one that scores
    better on the validation rows is kept (ties go to y alone). Its probabilities are calibrated on these rows, and then
    it is trained again, to the last epoch, on every labelled row. The validation score has chosen, so it is a little
    too good: judge by rows kept out of `fit`.

    Args:
        method: "best" is the search of `auxin fit`: estimators, networks and blends by cross-validation, trained on
            every labelled row; guard, validation and learning_rate are not used then. None is "best", unless steps or
            settings are given, which belong to one network: then it is `equal` where there are auxiliaries, else
            `maxl`. Any other name of `auxin ls methods` (labelers, combiners and self-made tasks are methods too).
        guard: let validation decide between the method and y alone. Without validation rows, y is learned alone.
        validation: a fraction of the labelled rows, or a number of rows; where a class has too few, none.
        steps: training steps; None: 60 passes over the rows, from 150 to 1,500 steps.
        learning_rate: of Adam, falling to zero along a cosine.
        metric: what the search, or the guard, goes by: accuracy, balanced_accuracy, f1, auc or log_loss.
        settings: any other setting, as `auxin fit --set` has them: {"model": "mlp", "model.hidden": 50, "batch": 32}.
            With "patience", validation rows choose the epoch and never train.
        text: columns of a DataFrame that are text; others are where they look it.
        keep: columns of a DataFrame that are used although they look like IDs or row counters.
        random_state: of validation rows, initial weights and batches.
        device: "cpu" or "cuda".
        verbose: 1 prints progress.

    Attributes:
        classes_: the labels, sorted.
        kept_: what was kept: a method, a candidate of the search, or a blend.
        validation_score_: the metric on rows that had not trained, cross-validated after a search, or None.
        notes_: what was decided, in sentences.
        advice_: after a search, how good the model is and beside what, in sentences.
        model_: the trained network (`auxin.exported.model.Model`).
        n_features_in_, feature_names_in_: as everywhere in scikit-learn; for images `n_features_in_` is X.shape[1].

    X: a DataFrame (pandas, or Polars) of numbers, categories, dates and text, encoded as `auxin fit` encodes a table:
    new rows need the same columns in the same order, and a category that did not occur counts as missing; or numbers
    [N, D], NaN where missing (it stands for the column's mean); or images [N, H, W], [N, H, W, C] or [N, C, H, W] with
    C at most 4.
    y: labels of any kind; NaN or None where missing (-1 is a label): such rows train the auxiliaries alone.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AuxiliaryClassifier(random_state=0, steps=60).fit(X, y, auxiliaries={"width": X[:, 1]})
    >>> model.predict(X[:2]), model.predict_proba(X[:2]).shape
    (array([0, 0]), (2, 3))
    """

    _kind = "classes"
    _alone = "maxl"

    def fit(self, X: Any, y: Any, auxiliaries: Any = None, groups: Any = None) -> "AuxiliaryClassifier":
        """Train.

        Args:
            X: inputs.
            y: main labels.
            auxiliaries: further targets of the same rows, NaN or None where missing: arrays by name, a DataFrame, or
                an array [N] or [N, K]. Words, booleans and whole numbers of at most 20 values are classes, other
                numbers regression. In `GridSearchCV` and `cross_val_score` (`params=`), a DataFrame or an array.
            groups: a label per row, such as a patient's; rows of one group are never on both sides of a fold, and the
                interval of the score counts groups.
        """
        self.classes_, target = _xy.classes_of(y)
        names = [str(label) for label in self.classes_.tolist()]
        self._train(X, target, names, auxiliaries, groups)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities [N, classes], in the order of `classes_`."""
        found = self._outputs(X).probabilities.double()
        return (found / found.sum(1, keepdim=True)).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class."""
        found = self._outputs(X).values
        return self.classes_[found.numpy()]


class AuxiliaryRegressor(_LabelledScore, RegressorMixin, _AuxiliaryEstimator):
    """A regressor that also learns from auxiliary tasks, where that helps.

    As `AuxiliaryClassifier`, except: one network without a named method is trained by `equal` where auxiliaries are
    given, else by `denoising` for vectors and on y alone for images; the metric is r2, mae or rmse (the errors
    negated); nothing is calibrated.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = AuxiliaryRegressor(method="single", random_state=0, steps=60).fit(X, y)
    >>> model.predict(X[:2]).shape, model.kept_
    ((2,), 'single')
    """

    _kind = "regression"
    _alone = "denoising"

    def fit(self, X: Any, y: Any, auxiliaries: Any = None, groups: Any = None) -> "AuxiliaryRegressor":
        """Train; arguments as `AuxiliaryClassifier.fit`, y numbers."""
        self._train(X, _xy.numbers_of(y), ["y"], auxiliaries, groups)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Values in y's unit, [N]."""
        return self._outputs(X).values.double().numpy()
