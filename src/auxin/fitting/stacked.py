"""Predictions of the auxiliaries as further inputs of a rival, cross-fitted on the training rows."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from auxin import rivals
from auxin.fitting.candidates import Candidate, Member, RivalCandidate
from auxin.fitting.rows import Folds, Rows, beside, make_folds
from auxin.fitting.scores import is_numbers, probable
from auxin.tasks.base import Task
from auxin.tasks.multilabel import Multilabel

MOST_CLASSES = 30
"""An auxiliary of more classes than this is not fed on as probabilities."""
FEWEST, MOST = 20, 400
"""Rows with its label that an auxiliary needs, and that a model of it learns from at most."""


@dataclass(frozen=True, eq=False)
class AuxiliaryPredictions:
    """Predictions of the auxiliaries: for training rows by models that did not see them, for new rows by all of them.

    Attributes:
        models: Models of all parts, by auxiliary.
        own: The training rows' predictions, [N, K].
    """

    models: tuple[tuple[rivals.Fitted, ...], ...]
    own: np.ndarray

    @classmethod
    def fit(cls, rows: Rows, seed: int) -> "AuxiliaryPredictions | None":
        """Cross-fitted over all rows with the auxiliary's label, main-labelled or not; None where none can be."""
        models, own = [], []
        for task, y in rows.auxiliaries.values():
            kind, part = rivals.kind_of(task), Rows(rows.x, task, y, image=rows.image, groups=rows.groups)
            many = kind == "classes" and rivals.count_of(task) > MOST_CLASSES
            if kind is None or many or len(part.labelled) < FEWEST:
                continue
            folds = make_folds(part, 4, 1, seed)
            made, values = [], None
            for _, kept, held in folds.pairs(part.labelled):
                fitted = _auxiliary_model(part, kept, seed)
                made.append(fitted)
                found = _fed(task, fitted.outputs(rows.x[part.labelled[held]]))
                values = np.full((rows.x.shape[0], found.shape[1]), np.nan) if values is None else values
                values[part.labelled[held]] = found
            assert values is not None
            rest = np.flatnonzero(np.isnan(values).all(1))
            if len(rest):
                values[rest] = np.mean([_fed(task, m.outputs(rows.x[rest])) for m in made], 0)
            models.append(tuple(made))
            own.append(values)
        return cls(tuple(models), np.concatenate(own, 1)) if own else None

    def predict(self, x: rivals.Vectors) -> np.ndarray:
        """New rows' predictions, [N, K]."""
        return np.concatenate(
            [np.mean([_fed(m.task, m.outputs(x)) for m in parts], 0) for parts in self.models], 1
        )


def _auxiliary_model(part: Rows, kept: np.ndarray, seed: int) -> rivals.Fitted:
    kept = np.random.default_rng(seed).permutation(kept)[:MOST]
    wide = part.shape.sparse
    linear = (
        ("logistic", {"C": 10.0}) if rivals.kind_of(part.task) == "classes" else ("ridge", {"alpha": 1.0})
    )
    name, options = linear if wide else ("extra_trees", {"features": 0.5, "leaf": 3, "trees": 50})
    y = part.y[torch.from_numpy(kept)]
    return rivals.fit(name, part.task, part.x[kept], y, part.shape, seed, options)


def _fed(task: Task, outputs: Tensor) -> np.ndarray:
    """Values, or the probabilities of all classes but the first."""
    if is_numbers(task):
        return outputs.numpy()
    p = probable(task, outputs).numpy()
    return p if isinstance(task, Multilabel) else p[:, 1:]


@dataclass(frozen=True, eq=False)
class RivalWithAuxiliaries(Candidate):
    """A rival that is fed predictions of the auxiliaries beside the inputs."""

    base: RivalCandidate
    fed: AuxiliaryPredictions

    @property
    def family(self) -> str:  # type: ignore[override]
        """`stack:` and the rival's name."""
        return f"stack:{self.base.rival}"

    @property
    def name(self) -> str:  # type: ignore[override]
        """`stack:` and the rival's name and options."""
        return f"stack:{self.base.name}"

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """Two more than the rival's, at most 8."""
        return min(self.base.simplicity + 2, 8)

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train on inputs and predictions."""
        return StackedMember(rows.task, self.base.train(self._wider(rows), kept, seed), self.fed)

    def out_of_fold(self, rows: Rows, folds: Folds, seed: int, until: float | None = None) -> Tensor:
        """As every candidate; a held-out row's predictions of the auxiliaries are its own cross-fitted ones."""
        return self.base.out_of_fold(self._wider(rows), folds, seed, until)

    def _wider(self, rows: Rows) -> Rows:
        """The rows with the predictions behind their inputs, which are no pixels."""
        x = rows.beside(self.fed.own.astype(rows.x.dtype))
        return Rows(x, rows.task, rows.y, groups=rows.groups)


@dataclass(frozen=True, eq=False)
class StackedMember(Member):
    """A rival behind models of the auxiliaries."""

    task: Task
    inner: Member
    fed: AuxiliaryPredictions

    def outputs(self, x: rivals.Vectors) -> Tensor:
        """The rival's outputs on inputs and predictions."""
        return self.inner.outputs(beside(x, self.fed.predict(x).astype(x.dtype)))
