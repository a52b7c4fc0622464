"""scikit-learn estimators that learn from auxiliary tasks: the search of `auxin fit`, or one network."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from auxin.api import _labels, _xy
from auxin.api._around_training import check_arguments, epoch_line, undisturbed, warn_of
from auxin.api._frames import InputFrame, inputs_of, is_frame, order_notes
from auxin.api._labels import LabelledScore
from auxin.data import Dataset, Splits, make_splits
from auxin.data.encoders.table import TableEncoder
from auxin.errors import ConfigError, DataError
from auxin.exported.model import Model
from auxin.methods import resolve
from auxin.methods.base import Setting
from auxin.runs.applicable import applicable
from auxin.runs.environment import pick_device
from auxin.runs.metric import settle
from auxin.runs.settings import layered
from auxin.studies.fit_finish import finish, follow
from auxin.studies.fit_job import EpochProgress, FitJob
from auxin.studies.fit_search import MAX_ROWS, SearchTarget, search, searchable

BEST = "best"
"""The method that stands for the search of `auxin fit`."""
PASSES, FEWEST, MOST = 60, 150, 1500
"""Where no steps are given: so many passes over the rows, within these steps."""


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
        kinds: Mapping[str, str] | None = None,
        max_rows: int = MAX_ROWS,
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
        self.kinds = kinds
        self.max_rows = max_rows
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    def _train(self, X: Any, y: Any, target: Tensor, names: list[str], auxiliaries: Any, groups: Any) -> None:
        begun, started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        check_arguments(self.get_params(deep=False))
        x = self._inputs(X, target, groups is not None)
        auxiliary = _xy.auxiliary_tasks(auxiliaries, len(target), self.kinds)
        others, about_y = auxiliary.made, order_notes(X, y=y, auxiliaries=auxiliaries, groups=groups)
        about_y += _labels.label_notes(y)
        warn_of([*about_y, *auxiliary.decisions, *x.decisions], depth=2)
        x = replace(x, notes=(*about_y, *auxiliary.decisions, *x.notes))
        task = _xy.main_task(
            self._kind, len(names), names, {*others, *getattr(self, "feature_names_in_", ())}
        )
        dataset = _xy.dataset_of(x, (task, target), others, groups)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        one_network = self.steps is not None or self.settings is not None
        searches = self.method == BEST or (self.method is None and not one_network)
        if searches and searchable(dataset, int(dataset.has_main().sum())):
            return self._search(dataset, seed, started)
        splits, said = _xy.split(dataset, seed, self.validation)
        notes, name = [*dataset.notes, *said], self._method(dataset)
        if self.guard and not len(splits.validation) and resolve(name).auxiliary:
            notes.append("There are no validation rows to compare methods on: y is trained alone (single).")
            name = "single"
        job = self._job(dataset, splits, name, seed)
        with undisturbed():
            trained = follow(job, self.guard)
            seconds = time.perf_counter() - begun
            requested = self.method or name
            self._keep(finish(job, trained, requested, notes=notes, started=started, seconds=seconds).model)
        if self.verbose:
            self._print(" ".join([f"Kept: {self.kept_}.", *self.notes_]))

    def _search(self, dataset: Dataset, seed: int, started: str) -> None:
        """What `auxin fit` does at its defaults: estimators, networks and blends by cross-validation."""
        for name in ("steps", "settings"):
            if getattr(self, name) is not None:
                what = f"{name} belongs to the network of a named method"
                raise ConfigError(what, found=f'method="{BEST}"', do=f"Leave {name} out")
        splits = make_splits(dataset, seed=seed, validation=0.0, test=0.0)
        metric = settle(self.metric, dataset.tasks[dataset.main])
        with undisturbed():
            decides, seed = self.metric is not None, seed % 2**16
            wanted = SearchTarget(metric, decides=decides, seed=seed, started=started, most=self.max_rows)
            self._keep(search(dataset, splits, wanted, self._print if self.verbose else lambda _: None))
        self.advice_ = list(self.model_.training.advice)
        if self.verbose:
            self._print(" ".join(self.advice_))

    def _keep(self, model: Model) -> None:
        self.model_, record = model, model.training
        self.kept_, self.validation_score_, self.notes_ = record.method, record.validation, list(record.notes)

    def _method(self, dataset: Dataset) -> str:
        """The method's name; None is settled here."""
        others = len(dataset.tasks) > 1
        name = self.method if self.method is not None else ("equal" if others else self._alone)
        if self.method is None and applicable(resolve(name), dataset) is not None:
            name = "single"
        reason = applicable(resolve(name), dataset)
        if reason is not None:
            do = "Give auxiliaries=, or choose another method"
            raise ConfigError(f"The method {name!r} cannot run on these data: {reason}", do=do)
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
        notify = self._print_epoch if self.verbose else None
        metric, device = settle(self.metric, dataset.tasks[dataset.main]), pick_device(str(self.device))
        return FitJob(
            dataset, splits, method, name, settings, seed, metric=metric, device=device, notify=notify
        )

    def _print_epoch(self, progress: EpochProgress) -> None:
        every = max(1, progress.epochs // 10)
        if progress.epoch % every == 0 or progress.epoch == progress.epochs:
            self._print(epoch_line(progress))

    def _print(self, text: str) -> None:
        print(f"[{type(self).__name__}] {text}", file=sys.stderr)

    def _check_x(self, x: Any, reset: bool) -> Any:
        """X as it is fitted: a frame, or numbers; of the same columns, in the same order, as in `fit`."""
        if is_frame(x) if reset else isinstance(self.model_.encoder, TableEncoder):
            found: Any = validate_data(self, x, reset=reset, skip_check_array=True)
            return found if is_frame(x) else self._named(found)
        allowed: Any = {"dtype": "numeric", "ensure_all_finite": "allow-nan", "allow_nd": True}
        return validate_data(self, _xy.unmasked(x), reset=reset, **allowed)

    def _named(self, x: Any) -> pd.DataFrame:
        """An array as the DataFrame of `fit`, whose columns are taken to be in the same order."""
        names = getattr(self, "feature_names_in_", range(self.n_features_in_))
        return pd.DataFrame(np.asarray(x), columns=list(names)).infer_objects()

    def _inputs(self, X: Any, target: Tensor, grouped: bool) -> InputFrame:
        """X of `fit` as a data set holds it."""
        x = self._check_x(X, reset=True)
        if len(x) != len(target):
            raise DataError("X and y have different numbers of rows", found=f"{len(x)} and {len(target)}")
        if not is_frame(x):
            return _xy.of_array(x, target, grouped=grouped)
        return inputs_of(x, target, self.text or (), self.keep or (), grouped=grouped)

    def _outputs(self, x: Any) -> Any:
        check_is_fitted(self, "model_")
        checked = self._check_x(x, reset=False)
        return self.model_.predict(self.model_.inputs(checked) if is_frame(checked) else _xy.inputs(checked))

    def save(self, folder: Path | str) -> None:
        """Write the trained model as `auxin fit` does, for `auxin.load_model` and `auxin export`."""
        check_is_fitted(self, "model_")
        self.model_.save(folder)


class AuxiliaryClassifier(LabelledScore, ClassifierMixin, _AuxiliaryEstimator):
    """A classifier that also learns from auxiliary tasks, where that helps.

    By default, `fit` is the search of `auxin fit`: estimators, networks and blends of them are cross-validated, and the
    choice is trained on every labelled row. With a named method, one network is trained by that method and, with the
    guard, another one on y alone. The one that scores better on the validation rows is kept (ties go to y alone), its
    probabilities are calibrated on these rows, and it is then trained again, to the last epoch, on every labelled row.
    The validation score is slightly optimistic, because it made the choice: judge the model by rows kept out of `fit`.

    Formula:
        A network is trained on C(m_0, ..., m_K; phi), with m_0 the mean loss of y and m_k that of auxiliary k over the
        rows that carry its label. Learned methods move phi by the hypergradient of m_0 (`auxin.Auxiliary`).

    Args:
        method: "best": the search; guard, validation and learning_rate are not used then. None: "best", unless steps
            or settings are given, which belong to one network: then `equal` where there are auxiliaries, else
            `maxl`. Or a name of `auxin ls methods` (labelers, combiners and self-made tasks are methods too).
        guard: Whether validation decides between the method and y alone. Without validation rows, y is learned alone.
        validation: Size of the validation set: a fraction of the labelled rows, or a number of rows. It is empty
            where a class has too few.
        steps: Number of training steps. None: 60 passes over the rows, from 150 to 1,500 steps.
        learning_rate: Learning rate of Adam, falling to zero along a cosine.
        metric: Metric by which the search, or the guard, chooses: accuracy, balanced_accuracy, f1, auc or log_loss.
        settings: Any other setting, as in `auxin fit --set`: {"model": "mlp", "model.hidden": 50, "batch": 32}.
            With "patience", validation rows choose the epoch and never train.
        text: Columns of a DataFrame that are text; the others are guessed.
        keep: Columns of a DataFrame that are used although they look like IDs or row counters.
        kinds: Kinds of auxiliaries by name (classes, ordered, regression; multilabel or vector for arrays [N, D]).
        max_rows: Labelled rows that the search uses at most, and as many without a label; a random part of more.
        random_state: Seed of the validation rows, the initial weights and the batches.
        device: Device: "cpu" or "cuda".
        verbose: 1 prints progress.

    Attributes:
        classes_: Labels, sorted.
        kept_: Name of what was kept: a method, a candidate of the search, or a blend.
        validation_score_: Metric on rows that were not trained on, cross-validated after a search, or None.
        notes_: Sentences on what was decided for you. Those on the data that you may not have meant (columns left out,
            kinds guessed from whole numbers, labels of empty text) are warnings of `auxin.errors.DecisionWarning` too.
        advice_: After a search, sentences on how good the model is and in comparison with what.
        model_: Trained model (`auxin.exported.model.Model`).
        n_features_in_, feature_names_in_: As everywhere in scikit-learn; for images `n_features_in_` is X.shape[1].

    Raises:
        ConfigError: The method cannot run on these data, or an argument or a setting is unknown or out of bounds.
        DataError: X or y cannot be used; the message names the reason.

    X is a DataFrame (pandas, or Polars) of numbers, categories, dates and text, encoded as `auxin fit` encodes a table:
    new rows need the same columns in the same order, and a category that did not occur counts as missing. Or X is
    numbers [N, D], NaN where missing (the column's mean is used); or images [N, H, W], [N, H, W, C] or [N, C, H, W],
    C at most 4. y is labels of any kind; NaN, None or empty text where missing (-1 is a label): such rows train the
    auxiliaries alone.

    References:
        - Liu, Davison, Johns 2019, Self-Supervised Generalisation with Meta Auxiliary Learning (`maxl`)
        - Caruana et al. 2004, Ensemble Selection from Libraries of Models (the blend)

    One network, trained on the kind of iris and on its sepal width side by side. The guard compares it with a network
    on y alone:

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = AuxiliaryClassifier(random_state=0, steps=60).fit(X, y, auxiliaries={"width": X[:, 1]})
    >>> model.kept_ in ("equal", "single")
    True

    Predictions are labels of y; the probabilities are calibrated and in the order of `classes_`:

    >>> model.predict(X[:2]), model.predict_proba(X[:2]).shape
    (array([0, 0]), (2, 3))
    """

    _kind = "classes"
    _alone = "maxl"

    def fit(self, X: Any, y: Any, auxiliaries: Any = None, groups: Any = None) -> "AuxiliaryClassifier":
        """Choose a model, train it on X, y and the auxiliaries, and return the estimator.

        Args:
            X: Inputs, in one of the forms that the class describes.
            y: Labels of the main task, [N]; NaN, None or empty text where missing.
            auxiliaries: Further targets of the same rows, NaN or None where missing: arrays by name, a DataFrame, or
                an array [N] or [N, K]. Words, booleans and at most 10 different whole numbers are classes, other
                numbers regression, or as `kinds` says. A DataFrame or an array in `cross_val_score` (`params=`).
            groups: Group of each row, such as a patient's. Folds keep groups whole; the score's interval counts groups.
        """
        self.classes_, target = _labels.classes_of(y)
        names = [str(label) for label in self.classes_.tolist()]
        self._train(X, y, target, names, auxiliaries, groups)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return calibrated probabilities [N, classes], in the order of `classes_`."""
        found = self._outputs(X).probabilities.double()
        return (found / found.sum(1, keepdim=True)).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row."""
        found = self._outputs(X).values
        return self.classes_[found.numpy()]


class AuxiliaryRegressor(LabelledScore, RegressorMixin, _AuxiliaryEstimator):
    """A regressor that also learns from auxiliary tasks, where that helps.

    Arguments, attributes and errors are those of `AuxiliaryClassifier`, with these differences. One network without a
    named method is trained by `equal` where auxiliaries are given, else by `denoising` for vectors and on y alone for
    images. The metric is r2, mae or rmse (the errors negated). Nothing is calibrated.

    Formula:
        The loss of a row is ((prediction - y) / s)^2, with s the spread of y over the training rows; y is predicted in
        its own unit.

    One network on y alone, and its predictions in the unit of y:

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = AuxiliaryRegressor(method="single", random_state=0, steps=60).fit(X, y)
    >>> model.predict(X[:2]).shape, model.kept_
    ((2,), 'single')

    Rows without y train the auxiliaries alone:

    >>> import numpy as np
    >>> few = np.where(np.arange(len(y)) < 300, y, np.nan)
    >>> model = AuxiliaryRegressor("equal", guard=False, random_state=0, steps=60).fit(X, few, {"bmi": X[:, 2]})
    >>> bool(np.isfinite(model.predict(X[300:])).all())
    True
    """

    _kind = "regression"
    _alone = "denoising"

    def fit(self, X: Any, y: Any, auxiliaries: Any = None, groups: Any = None) -> "AuxiliaryRegressor":
        """Train; the arguments are those of `AuxiliaryClassifier.fit`, with numbers as y."""
        self._train(X, y, _labels.numbers_of(y), ["y"], auxiliaries, groups)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted values in the unit of y, [N]."""
        return self._outputs(X).values.double().numpy()
