"""Rivals on auxin's tasks: which task is learned as what, and predictions as a head would put them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError, message
from auxin.rivals._predicted import LEAST, predicted, quiet
from auxin.rivals.base import InputShape, Kind, Options, Rival, Vectors
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.typing import MISSING


def kind_of(task: Task) -> Kind | None:
    """What a rival learns the task as; None where none can.

    >>> kind_of(Classes("y", 3)), kind_of(Regression("y"))
    ('classes', 'regression')
    """
    if isinstance(task, Classes | Ordered | Multilabel):
        return "classes"
    return "regression" if isinstance(task, Regression) else None


def why_not(name: str, task: Task, *, compressed: bool = False) -> str | None:
    """Why this rival cannot learn this task here, or None where it can.

    Args:
        name: Name of the rival.
        task: The main task.
        compressed: Whether the inputs are kept sparse.
    """
    rival = catalogue.load("rivals", name)
    kind = kind_of(task)
    if kind is None:
        return f"scikit-learn estimators do not learn a task of kind {type(task).__name__.lower()}"
    if kind not in rival.kinds:
        return f"it learns {' and '.join(rival.kinds)} only"
    if compressed and not rival.compressed:
        return "it takes dense inputs only, and these are kept sparse"
    if isinstance(task, Multilabel) and rival.unlabelled:
        return "it learns one label per row only"
    if rival.package and find_spec(rival.package) is None:
        return f"it needs the package {rival.package}: pip install 'auxin[{rival.extra}]'"
    return None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained rival.

    Attributes:
        name: Name of the rival.
        task: What it predicts.
        estimators: One, or one per attribute of a multilabel task.
        shape: Shape of its inputs.
    """

    name: str
    task: Task
    estimators: tuple[Any, ...]
    shape: InputShape

    def outputs(self, x: Vectors) -> Tensor:
        """What a head of the task would put out for these inputs, float64 [N, width].

        Args:
            x: [N, D], NaN where missing.
        """
        classes = 0 if kind_of(self.task) == "regression" else count_of(self.task)
        found = [torch.from_numpy(predicted(one, x, self.shape, classes)) for one in self.estimators]
        if not classes:
            return found[0][:, None]
        if isinstance(self.task, Multilabel):
            return torch.stack([p[:, 1].logit(LEAST) for p in found], 1)
        return outputs_of(self.task, found[0])


def count_of(task: Task) -> int:
    """How many classes an estimator of the task tells apart."""
    if isinstance(task, Multilabel):
        return 2
    return task.classes if isinstance(task, Ordered) else task.width


def outputs_of(task: Task, probabilities: Tensor) -> Tensor:
    """The head's outputs that have these probabilities, [N, C].

    For ordered classes that is the inverse of the cumulative link: score = -logit P(y <= 0), and a gap is the
    difference of neighbouring logits through the inverse of softplus.

    >>> p = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64)
    >>> torch.allclose(Ordered("y", 3).probabilities(outputs_of(Ordered("y", 3), p)), p)
    True
    """
    if not isinstance(task, Ordered):
        return probabilities.clamp(min=LEAST).log()
    steps = probabilities.cumsum(1)[:, :-1].clamp(LEAST, 1 - LEAST).logit()
    gaps = (steps[:, 1:] - steps[:, :-1]).clamp(min=1e-9)
    return torch.cat([-steps[:, :1], gaps + (-torch.expm1(-gaps)).log()], 1)


def fit(
    name: str,
    task: Task,
    x: Vectors,
    y: Tensor,
    shape: InputShape,
    seed: int,
    options: Options,
    weights: np.ndarray | None = None,
) -> Fitted:
    """Train a rival.

    Args:
        name: A member of the family `rivals`.
        task: The main task, with the units of its training rows.
        x: [N, D], NaN where missing.
        y: Targets, missing ones among them where the rival learns from unlabelled rows.
        shape: Shape of the inputs.
        seed: Seed of everything random.
        options: One of its tries.
        weights: How much each row counts, [N]; all the same where not given.

    Raises:
        ConfigError: The rival cannot learn this task, from weighted rows, or from so many.
    """
    rival: type[Rival] = catalogue.load("rivals", name)
    reason = why_not(name, task, compressed=shape.compressed) or (
        "its rows cannot be weighted" if weights is not None and not rival.weighted else None
    )
    count = int(task.present(y).sum())
    if not reason and rival.most and count > rival.most:
        reason = f"it learns from at most {rival.most:,} labelled rows, and there are {count:,}"
    if reason:
        raise ConfigError(message(f"{name} cannot be trained here: {reason}"))
    if not rival.unlabelled:
        kept = task.present(y).numpy()
        x, y, weights = x[kept], y[torch.from_numpy(kept)], None if weights is None else weights[kept]
    with quiet():
        found = tuple(
            _one(rival, kind_of(task) or "classes", part, columns, shape, seed, options, weights)
            for part, columns in _parts(task, x, y)
        )
    return Fitted(name, task, found, shape)


def _parts(task: Task, x: Vectors, y: Tensor) -> list[tuple[Vectors, np.ndarray]]:
    if isinstance(task, Multilabel):
        known = ~y.isnan() if y.is_floating_point() else y != MISSING
        columns = []
        for k in range(task.width):
            target = np.full(x.shape[0], MISSING, dtype=np.int64)
            target[known[:, k].numpy()] = (y[known[:, k], k] > 0.5).long().numpy()
            columns.append(target)
        return [(x, target) for target in columns]
    if isinstance(task, Regression):
        return [(x, ((y.double() - task.mean) / task.scale).numpy())]
    hard = y.argmax(1) if y.is_floating_point() else y
    return [(x, hard.numpy())]


def _one(
    rival: type[Rival],
    kind: Kind,
    x: Vectors,
    y: np.ndarray,
    shape: InputShape,
    seed: int,
    options: Mapping[str, Any],
    weights: np.ndarray | None,
) -> Any:
    if kind == "classes":
        known = y >= 0
        if not rival.unlabelled:
            found, counts = np.unique(y[known], return_counts=True)
            enough = found[counts >= rival.fewest]
            known &= np.isin(y, enough if len(enough) else found)
            x, y, weights = x[known], y[known], None if weights is None else weights[known]
        if len(np.unique(y[y >= 0])) < 2:
            only = int(y[y >= 0][0]) if (y >= 0).any() else 0
            from sklearn.dummy import DummyClassifier

            return DummyClassifier(strategy="constant", constant=only).fit(x[:1], np.array([only]))
    estimator = rival.build(kind, shape, seed, **options)
    if weights is None:
        return rival.trained(estimator.fit(x, y))
    key = "model__sample_weight" if hasattr(estimator, "steps") else "sample_weight"
    return rival.trained(estimator.fit(x, y, **{key: weights}))
