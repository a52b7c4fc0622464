"""Gaussian processes as candidates of `fit`: of the main task alone, and beside auxiliary labels of all rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from auxin import rivals
from auxin.fitting import gaussian
from auxin.fitting.auxiliaries import known_table
from auxin.fitting.candidates import Candidate, Member
from auxin.fitting.inputs import Inputs
from auxin.fitting.rows import Folds, Rows, in_units
from auxin.fitting.scores import is_numbers
from auxin.fitting.stacked import MOST_CLASSES
from auxin.rivals import Options, Vectors
from auxin.tasks.base import Task
from auxin.tasks.multilabel import Multilabel

ALONE, TOGETHER = PROCESSES = "gaussian process", "gaussian process + auxiliaries"
MOST = 1000
"""Labelled rows from which on there is no Gaussian process: its time grows with their cube."""


@dataclass(frozen=True, eq=False)
class ProcessMember(Member):
    """A trained Gaussian process.

    Attributes:
        task: The main task.
        inputs: Vectors to what the kernels take.
        terms: Of the prediction.
        sharp: Of the classes' probabilities.
        shares: The classes' shares, [C]; a zero for numbers.
    """

    task: Task
    inputs: Inputs
    terms: tuple[gaussian.Term, ...]
    sharp: float
    shares: np.ndarray

    def outputs(self, x: Vectors) -> Tensor:
        """The outputs whose probabilities or values are the process's."""
        z = self.inputs.transform(x).double().numpy()
        return outputs_of(self.task, gaussian.predict(self.terms, z), self.shares, self.sharp)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all folds share: no main label is in it.

    Attributes:
        inputs: Vectors to what the kernels take.
        z: The training rows as the kernels take them, [N, P].
        unit: Their median squared distance.
        groups: The group of every row, [N].
        auxiliary: The auxiliary tasks' processes.
    """

    inputs: Inputs
    z: np.ndarray
    unit: float
    groups: np.ndarray
    auxiliary: gaussian.AuxiliaryProcess | None

    @classmethod
    def of(cls, rows: Rows, together: bool, seed: int) -> "Prepared":
        """Prepare these rows."""
        inputs = Inputs.fit(rows)
        z = inputs.transform(rows.x).double().numpy()
        names = rows.groups or [""] * len(z)
        groups = np.unique([name or f"\0{row}" for row, name in enumerate(names)], return_inverse=True)[1]
        unit, table = gaussian.unit_of(z, seed), known_table(narrow(rows)) if together else None
        process = table and gaussian.AuxiliaryProcess.fit(z, table.values, groups, unit, seed)
        return cls(inputs, z, unit, groups, process)


@dataclass(frozen=True, eq=False)
class ProcessCandidate(Candidate):
    """A Gaussian process, with or without auxiliary labels.

    Attributes:
        family: Which of both.
        prepared: What was prepared so far, by the rows' inputs and auxiliary labels, and the seed.
    """

    family: str
    options: Options = field(default_factory=dict)
    prepared: dict[tuple[int, int], tuple[Rows, Prepared]] = field(default_factory=dict)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The family's name."""
        return self.family

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """Between support vectors and a forest, and more with auxiliaries."""
        return 4 if self.family == ALONE else 6

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train on these labelled rows, and on all auxiliary labels where it uses them."""
        process, shared, shares = self._learned(rows, kept, seed)
        terms, slope = process.terms, process.slope
        if slope is not None and shared.auxiliary is not None:
            terms += tuple(replace(t, weights=t.weights @ slope) for t in shared.auxiliary.terms)
        return ProcessMember(rows.task, shared.inputs, terms, process.sharp, shares)

    def out_of_fold(self, rows: Rows, folds: Folds, seed: int, until: float | None = None) -> Tensor:
        """As every candidate; predictions of a held-out row's auxiliary labels do not know these either."""
        del until

        def outputs() -> Iterator[Tensor]:
            for _, kept, held in folds.pairs(rows.labelled):
                own, index = rows.own_units(kept), rows.labelled[held]
                process, shared, shares = self._learned(own, kept, seed)
                values = gaussian.predict(process.terms, shared.z[index])
                if process.slope is not None and shared.auxiliary is not None:
                    values = values + shared.auxiliary.hat[index] @ process.slope
                yield in_units(outputs_of(own.task, values, shares, process.sharp), own.task, rows.task)

        return folds.gathered(rows.labelled, outputs())

    def _learned(
        self, rows: Rows, kept: np.ndarray, seed: int
    ) -> tuple[gaussian.Process, Prepared, np.ndarray]:
        shared, y = self._prepared(rows, seed), rows.y[torch.from_numpy(kept)]
        if is_numbers(rows.task):
            task = rows.task
            values = ((y.double() - task.mean) / task.scale).numpy()[:, None]  # type: ignore[attr-defined]
            targets = gaussian.Targets(values)
        else:
            hard = (y.argmax(1) if y.is_floating_point() else y).numpy()
            targets = gaussian.Targets.of_classes(hard, rivals.count_of(rows.task))
        process = gaussian.learn(
            shared.z[kept], targets, shared.groups[kept], shared.unit, shared.auxiliary, kept, seed
        )
        return process, shared, np.zeros(1) if targets.shares is None else targets.shares

    def _prepared(self, rows: Rows, seed: int) -> Prepared:
        key = id(rows.x), seed
        if key not in self.prepared or self.prepared[key][0].auxiliaries is not rows.auxiliaries:
            self.prepared[key] = rows, Prepared.of(rows, self.family == TOGETHER, seed)
        return self.prepared[key][1]


def outputs_of(task: Task, values: np.ndarray, shares: np.ndarray, sharp: float) -> Tensor:
    """A head's outputs for the process's values [N, C]."""
    if is_numbers(task):
        return torch.from_numpy(values)
    return rivals.outputs_of(task, torch.from_numpy(gaussian.probabilities(values, shares, sharp)))


def process_candidates(rows: Rows, notify: Callable[[str], None]) -> dict[str, list[Candidate]]:
    """Gaussian processes, where the main task is one class or number per row; of at most `MOST` labelled rows."""
    if rivals.kind_of(rows.task) is None or isinstance(rows.task, Multilabel):
        return {}
    if len(rows.labelled) > MOST:
        notify(f"Left out above {MOST:,} rows with a main label: {ALONE}.")
        return {}
    found: dict[str, list[Candidate]] = {ALONE: [ProcessCandidate(ALONE)]}
    if known_table(narrow(rows)) is not None:
        found[TOGETHER] = [ProcessCandidate(TOGETHER)]
    return found


def narrow(rows: Rows) -> Rows:
    """The rows without auxiliary tasks of very many classes."""
    few = {
        name: (task, y)
        for name, (task, y) in rows.auxiliaries.items()
        if rivals.kind_of(task) != "classes" or rivals.count_of(task) <= MOST_CLASSES
    }
    return replace(rows, auxiliaries=few)
