"""What every candidate learns from, and the folds that every candidate is scored on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_matrix, hstack, issparse
from torch import Tensor

from auxin.errors import DataError
from auxin.rivals import InputShape, Vectors, count_of, kind_of
from auxin.tasks.base import Task
from auxin.tasks.regression import Regression

BINS = 5
"""Real targets are spread over the folds by this many quantile bins."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The training rows: those with a main label, and those without.

    Attributes:
        x: inputs as vectors, float32 [N, D], NaN where missing; images are flattened. A SciPy matrix where the data
            set keeps them sparse.
        task: the main task, with the units of the training rows.
        y: its targets, missing in rows without a main label.
        auxiliaries: the auxiliary tasks and their targets, by name.
        image: (C, H, W) where rows are images; None elsewhere.
        groups: a name per row; rows of one name are never on both sides of a fold. None: all are by themselves.
        described: whether the columns are features of images, all in one unit.
    """

    x: Vectors
    task: Task
    y: Tensor
    auxiliaries: Mapping[str, tuple[Task, Tensor]] = field(default_factory=dict)
    image: tuple[int, ...] | None = None
    groups: Sequence[str] | None = None
    described: bool = False

    @cached_property
    def labelled(self) -> np.ndarray:
        """The rows with a main label, int64."""
        return np.flatnonzero(self.task.present(self.y).numpy())

    @cached_property
    def unlabelled(self) -> np.ndarray:
        """The rows without one, int64."""
        return np.flatnonzero(~self.task.present(self.y).numpy())

    @cached_property
    def shape(self) -> InputShape:
        """The shape of the inputs, as rivals ask for it."""
        classes = count_of(self.task) if kind_of(self.task) == "classes" else 0
        if self.image is not None:  # pixels are no word counts, however many are empty
            return InputShape(len(self.labelled), self.x.shape[1], classes, None, self.image)
        if self.described:  # columns in one unit, as pixels are
            width = self.x.shape[1]
            return InputShape(len(self.labelled), width, classes, None, (1, 1, width))
        return InputShape.of(self.x, len(self.labelled), classes)

    def beside(self, columns: np.ndarray) -> Vectors:
        """The inputs with more columns behind them."""
        return beside(self.x, columns)

    @cached_property
    def of_groups(self) -> np.ndarray | None:
        """The group of every labelled row, numbered from 0, [n]; None where there are no groups."""
        if self.groups is None:
            return None
        own = [self.groups[row] or f"\0{row}" for row in self.labelled.tolist()]
        return np.unique(own, return_inverse=True)[1]

    def only(self, kept: np.ndarray) -> Tensor:
        """The targets with every main label hidden but those of the rows `kept`."""
        missing = torch.ones(len(self.y), dtype=torch.bool)
        missing[torch.from_numpy(kept)] = False
        value = torch.nan if self.y.is_floating_point() else -1
        view = (-1,) + (1,) * (self.y.dim() - 1)
        return self.y.masked_fill(missing.view(view), value)

    def own_units(self, kept: np.ndarray) -> "Rows":
        """The same rows, with the main task's mean and scale learned from the labels of the rows `kept` alone.

        >>> rows = Rows(np.zeros((3, 1)), Regression("y"), torch.tensor([1.0, 3.0, 100.0]))
        >>> rows.own_units(np.array([0, 1])).task.mean
        2.0
        """
        task = self.task
        if not isinstance(task, Regression):
            return self
        return replace(self, task=Regression.fit(task.name, self.y[torch.from_numpy(kept)], task.kind))


def in_units(outputs: Tensor, own: Task, task: Task) -> Tensor:
    """Outputs of a task in its own units, float64 [N, width], as outputs of the same task in other units."""
    if not isinstance(own, Regression) or not isinstance(task, Regression) or own is task:
        return outputs
    return (outputs.double() * own.scale + (own.mean - task.mean)) / task.scale


def beside(x: Vectors, columns: np.ndarray) -> Vectors:
    """Columns behind inputs."""
    return hstack([x, csr_matrix(columns)], format="csr") if issparse(x) else np.concatenate([x, columns], 1)


@dataclass(frozen=True, eq=False)
class Folds:
    """Repeated folds over the labelled rows.

    Attributes:
        parts: of each repeat, the fold of every labelled row, int64 [R, n], numbered from 0.
        count: folds per repeat.
    """

    parts: np.ndarray
    count: int

    def pairs(self, labelled: np.ndarray) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """(repeat, rows that train, places among the labelled rows that are held out), one for each fold."""
        return [
            (repeat, labelled[part != fold], np.flatnonzero(part == fold))
            for repeat, part in enumerate(self.parts)
            for fold in range(self.count)
        ]

    def gathered(self, labelled: np.ndarray, outputs: Iterable[Tensor]) -> Tensor:
        """Outputs of the rows that each of `pairs` holds out, by labelled row, float64 [R, n, width]."""
        found: Tensor | None = None
        for (repeat, _, held), own in zip(self.pairs(labelled), outputs, strict=True):
            if found is None:
                found = torch.zeros(len(self.parts), len(labelled), own.shape[1], dtype=torch.float64)
            found[repeat, torch.from_numpy(held)] = own.double()
        assert found is not None
        return found


def make_folds(rows: Rows, count: int, repeats: int, seed: int) -> Folds:
    """Stratified folds: each class's rows, or each quantile's, are dealt to the folds in turn; groups stay whole.

    A class with fewer rows than folds is in as many folds as it has rows, and that is no error.

    >>> from auxin.tasks.classes import Classes
    >>> rows = Rows(np.zeros((9, 1)), Classes("y", 2), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, -1]))
    >>> folds = make_folds(rows, 2, 1, seed=0)
    >>> [int((folds.parts[0][:6] == k).sum()) for k in range(2)], sorted(folds.parts[0][6:].tolist())
    ([3, 3], [0, 1])

    Raises:
        DataError: All labelled rows are of one group.
    """
    strata = _strata(rows)
    names = np.arange(len(strata)) if rows.of_groups is None else rows.of_groups
    groups = len(np.unique(names))
    if rows.of_groups is not None and groups < 2:
        raise DataError(
            "There are too few groups for cross-validation",
            expected="labelled rows of at least two groups",
            found=f"{groups}",
            do="Leave out --group (groups= in Python), or name another column",
        )
    count = max(2, min(count, groups))
    parts = [
        _assign_folds(strata, names, count, np.random.default_rng([seed, repeat]))
        for repeat in range(repeats)
    ]
    return Folds(np.stack(parts), count)


def _strata(rows: Rows) -> np.ndarray:
    y = rows.y[torch.from_numpy(rows.labelled)]
    if y.dim() > 1:
        return np.zeros(len(y), dtype=np.int64)
    values = y.numpy()
    if not y.is_floating_point():
        return values.astype(np.int64)
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, values)


def _assign_folds(strata: np.ndarray, names: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    """Groups in random order, those of one stratum after another, dealt to the folds like cards."""
    found, first = np.unique(names, return_index=True)
    order = draw.permutation(len(found))
    order = order[np.argsort(strata[first][order], kind="stable")]
    fold = np.empty(len(found), dtype=np.int64)
    fold[order] = (np.arange(len(found)) + draw.integers(count)) % count
    return fold[np.searchsorted(found, names)]
