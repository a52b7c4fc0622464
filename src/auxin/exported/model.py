"""A trained model for the main task alone: predict with it, save it, load it."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auxin import catalogue
from auxin.data import Encoder, restore
from auxin.data.encoders.contract import warn
from auxin.data.encoders.notices import far
from auxin.data.encoders.restore import saved
from auxin.errors import AuxinError, DataError
from auxin.exported import folder as _folder
from auxin.exported.card import COMMITTEE, VERSION, Card, TrainingRecord, TrunkState
from auxin.exported.committee import Committee
from auxin.exported.predictor import Predictor, finished
from auxin.exported.task_state import TaskState
from auxin.math.sparse import SparseRows
from auxin.models import build_network
from auxin.tasks.base import Task

ROWS = 500
"""Rows that a network predicts at once."""
NUMBERS = 1 << 19
"""Numbers that a blend takes at once: estimators cost about as much for few rows as for many."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a model for some rows.

    Attributes:
        task: The main task.
        outputs: The network's outputs divided by the temperature, which `task.score` takes.
        values: The predictions: class numbers [N] (the columns of `probabilities`), or values in the target's unit.
        probabilities: Calibrated probabilities [N, C] (of every attribute or pixel: [N, D], [N, C, H, W]), or None
            where the task has none.
    """

    task: Task
    outputs: Tensor

    @property
    def values(self) -> Tensor:
        """Return class numbers, attributes, or values."""
        return self.task.predict(self.outputs)

    @property
    def probabilities(self) -> Tensor | None:
        """Return calibrated probabilities, or None where the task has none."""
        return finished(self.task, self.outputs) if hasattr(self.task, "probabilities") else None


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model of the main task with the encoder of its inputs and the record of its training.

    Vectors are computed in float64, images in float32: the prediction of a batch equals that of its rows one by one,
    to rounding.

    Attributes:
        predictor: The map from raw inputs to probabilities or values: an `nn.Module`, or a `Committee` where `fit`
            kept an estimator or a blend.
        trunk: The name, shape and options by which the trunk is built.
        training: The record of its training.
        encoder: The encoder of new files, or None where the model was trained on arrays.
    """

    predictor: Predictor | Committee
    trunk: TrunkState
    training: TrainingRecord
    encoder: Encoder | None = field(default=None)

    @property
    def task(self) -> Task:
        """The main task."""
        return self.predictor.task

    @property
    def labels(self) -> list[str]:
        """The names of the classes or attributes, in the order of the probabilities; empty for numbers."""
        return list(getattr(self.task, "label_names", ()))

    def predict(self, x: Tensor | SparseRows, notify: Callable[[str], None] = warn) -> Predictions:
        """Predict for inputs in the form of the training data: [N, D] (NaN where missing) or images [N, C, H, W].

        Args:
            x: The inputs.
            notify: Function that receives a sentence where predicted numbers are set to a bound; else a warning.

        Raises:
            DataError: The inputs have another shape, or hold infinite numbers.
        """
        self._check(x)
        if isinstance(self.predictor, Committee):
            rows = max(ROWS, NUMBERS // max(1, math.prod(x.shape[1:])))
            outputs = torch.cat([self.predictor.outputs(part) for part in x.split(rows)])
            far(notify, self.predictor.at_bounds(outputs))
            return Predictions(self.task, outputs)
        kind = torch.float64 if x.dim() == 2 else torch.float32
        network = self.predictor if kind == torch.float32 else copy.deepcopy(self.predictor).to(kind)
        with torch.no_grad():
            found = [network.outputs(part.to(kind)) for part in x.split(ROWS)]
        return Predictions(self.task, torch.cat(found))

    def inputs(self, source: Any, notify: Callable[[str], None] = warn) -> Tensor | SparseRows:
        """Encode a file, a folder or rows like those it was trained on; a missing value is NaN.

        Args:
            source: A path, or rows in memory (a DataFrame).
            notify: Function that receives a sentence about each decision, such as an unseen category.

        Raises:
            DataError: The model was trained on arrays, or a column is missing.
        """
        if self.encoder is None:
            raise DataError(
                f"The model of {self.training.data} takes arrays", do="Give them to predict as a tensor"
            )
        x, blank = self.encoder.encode(source, notify)
        return x if blank is None else x.masked_fill(blank, torch.nan)  # type: ignore[arg-type]

    def _check(self, x: Tensor | SparseRows) -> None:
        if list(x.shape[1:]) != self.trunk.shape or not len(x):
            raise DataError(
                "The inputs do not fit the model",
                expected=f"[rows, {', '.join(map(str, self.trunk.shape))}]",
                found=f"{list(x.shape)}",
            )
        if bool(x.isinf().any()):
            raise DataError("The inputs hold infinite numbers", expected="finite ones, NaN where missing")

    def save(self, folder: Path | str) -> None:
        """Write the weights and estimators, then `model.json`; each file is written atomically."""
        place, made = Path(folder), self.predictor
        if isinstance(made, Committee):
            plain, parts = made.parts()
            tensors, estimators, mean, std = parts.tensors, parts.estimators, [], []
        else:
            plain, estimators, tensors = None, [], made.state_dict()
            mean, std = made.mean.tolist(), made.std.tolist()
        digest = _folder.write_weights(place, {name: value.contiguous() for name, value in tensors.items()})
        card = Card(
            version=VERSION if plain is None else COMMITTEE,
            weights=digest,
            trunk=self.trunk,
            task=TaskState.of(self.task),
            mean=mean,
            std=std,
            temperature=made.temperature,
            encoder=None if self.encoder is None else saved(self.encoder),
            training=self.training,
            committee=plain,
            estimators=_folder.write_estimators(place, estimators),
        )
        _folder.write_card(place, card)


def load_model(
    folder: Path | str, modules: Sequence[str] = (), notify: Callable[[str], None] = warn
) -> Model:
    """Load the model that `auxin fit`, an estimator's `save` or `Model.save` wrote.

    Versions and checksums are verified. Loading builds networks and estimators of fixed lists only and runs no code
    from the folder.

    Args:
        folder: The model's folder.
        modules: Modules of your own, `NAME` or `NAME:CALLABLE`, that the model may import for its trunk. Nothing
            outside auxin is imported without being named here.
        notify: Function that receives a sentence where another version of scikit-learn trained the estimators; else
            a warning.

    Returns:
        A `Model`: `inputs` encodes a file or a DataFrame, `predict` returns predictions and calibrated
        probabilities, and `predictor` is the `nn.Module`.

    Raises:
        DataError: The folder holds no model, a file is missing or damaged, the model is of another version, or its
            trunk is made by a module that `modules` does not name.

    Train a classifier of three kinds of wine, save it, and load it again:

    >>> import tempfile
    >>> from sklearn.datasets import load_wine
    >>> from auxin import AuxiliaryClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> folder = tempfile.mkdtemp()
    >>> AuxiliaryClassifier("single", steps=5, random_state=0).fit(X, y).save(folder)
    >>> model = load_model(folder)
    >>> found = model.predict(torch.tensor(X[:2]))
    >>> found.values.shape, found.probabilities.shape
    (torch.Size([2]), torch.Size([2, 3]))
    """
    card, weights = _folder.read(Path(folder))
    _check_trunk(card.trunk.name, Path(folder), modules)
    try:
        model = _rebuilt(card, weights, Path(folder), notify)
        _try(model)
    except AuxinError:
        raise
    except Exception as error:  # parts that do not fit together fail in every layer below
        found = f"{type(error).__name__}: {error}"[:500]
        do = _folder.other_version(card) or "Train it again"
        raise DataError(f"The model in {folder} cannot be rebuilt", found=found, do=do) from error
    return model


def _try(model: Model) -> None:
    """Predict one input of zeros, so that parts that do not fit together are found when a model is loaded.

    Raises:
        ValueError: There are not as many names as probabilities.
    """
    found = model.predict(torch.zeros(()).expand(1, *model.trunk.shape), lambda _: None)
    named, given = len(model.labels), found.probabilities
    if not len(found.values):
        raise ValueError("it predicts nothing")
    if given is not None and named and given.shape[1] != named:
        raise ValueError(f"{named} names of {given.shape[1]} classes")


def _check_trunk(name: str, folder: Path, modules: Sequence[str]) -> None:
    """Refuse a trunk that a module outside auxin makes, unless the user names the module."""
    module, mark, _ = name.partition(":")
    if not mark or module in catalogue.names("models") or name in modules or module in modules:
        return
    raise DataError(
        f"The model in {folder} runs code outside auxin: its trunk is made by {name!r}",
        expected="permission to import that module, since importing it runs it",
        do=f"If you trust it, add --allow-module {module} (in Python: load_model(..., modules=[{module!r}]))",
    )


def _rebuilt(card: Card, weights: Mapping[str, Tensor], folder: Path, notify: Callable[[str], None]) -> Model:
    task = card.task.task()
    encoder = None if card.encoder is None else restore(card.encoder)
    if card.committee is not None:
        estimators = _folder.read_estimators(folder, card, notify)
        return Model(
            Committee.of(card.committee, task, dict(weights), estimators), card.trunk, card.training, encoder
        )
    tasks: dict[str, Any] = {task.name: task}
    options: dict[str, Any] = dict(card.trunk.options)
    network = build_network(card.trunk.name, tuple(card.trunk.shape), tasks, seed=0, **options)
    predictor = Predictor.of(network, task, torch.tensor(card.mean), torch.tensor(card.std), card.temperature)
    predictor.load_state_dict(dict(weights))
    return Model(predictor, card.trunk, card.training, encoder)
