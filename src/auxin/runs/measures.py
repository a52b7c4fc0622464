"""What is recorded of the learning signal while a run trains: label collapse, gradient cosines, task weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor

from auxin.analysis.label_collapse import agreement, measure, measure_vectors, warnings
from auxin.analysis.task_signals import weights_and_cosines
from auxin.data import Splits
from auxin.labelers.base import LABELS, by_task
from auxin.models.base import PrimaryNetwork
from auxin.runs.build import PreparedRun
from auxin.tasks.vector import Vector
from auxin.tensor_files import read_tensors
from auxin.typing import Batch

ROWS = 512
"""How many training rows the measures look at, at most."""

PAIRED = 5
"""How many runs are compared with one another, at most."""


@dataclass(eq=False)
class Measures:
    """The measures of one run.

    Attributes:
        built: The run.
        splits: Roles of its rows.
        looks: How often per run the signal is measured, about.
    """

    built: PreparedRun
    splits: Splits
    looks: int = 20

    def __post_init__(self) -> None:
        self.rows = self.splits.train[:ROWS]
        self.every = max(1, self.built.plan.epochs // max(1, self.looks))

    def epoch(self) -> dict[str, float]:
        """The measures after this epoch, by dotted name; none after the epochs between two looks.

        The first epoch and the last are among the looks: generated labels may collapse in the first few.
        """
        epoch = len(self.built.state.logs) + 1
        network, criterion = self.built.network, self.built.state.learner.criterion
        due = epoch % self.every == 0 or epoch in (1, self.built.plan.epochs)
        if not due or len(criterion.names) == 1:
            return {}
        assert isinstance(network, PrimaryNetwork)
        found = self._labels(self.built.pool.batch(self.rows))
        weights, cosines = weights_and_cosines(network, criterion, self.built.state.feed.looked_at(self.rows))
        found |= {f"weight.{name}": value for name, value in weights.items()}
        found |= {f"cosine.{name}": value for name, value in cosines.items()}
        return {name: value for name, value in found.items() if math.isfinite(value)}

    def last(self) -> dict[str, float]:
        """The label measures that were taken last; in a resumed run, maybe before it was killed."""
        looks = [log.measures for log in self.built.state.logs if log.measures]
        last = looks[-1] if looks else {}
        return {name: value for name, value in last.items() if name.startswith("label")}

    def warnings(self) -> list[str]:
        """What the labels warn of at the end of training, where they were to be learned."""
        return warnings(self.last()) if self.built.labeler and self.built.state.learner.learns else []

    def generated(self, rows: Tensor) -> dict[str, Tensor]:
        """The labels generated for these rows, for comparing runs; empty without a labeler that can learn.

        The rows' main labels enter the labeler here; nothing is trained or chosen on the outcome.
        """
        labeler = self.built.labeler
        if labeler is None or not labeler.learned or labeler.teaches:
            return {}
        batch = self.built.pool.batch(rows[:ROWS])
        with torch.no_grad():
            targets = labeler(batch)
        if not isinstance(targets, Tensor) or targets.dim() != 2:  # several tasks', or a label per pixel
            return {}
        return {"targets": targets, "main": batch.y[self.built.task.name], "rows": batch.rows}

    def _labels(self, batch: Batch) -> dict[str, float]:
        labeler, psi = self.built.labeler, self.built.hierarchy
        if labeler is None or psi is None or labeler.teaches:
            return {}
        with torch.no_grad():
            made = by_task(labeler(batch))
        main = batch.y[self.built.task.name]
        finer = batch.y.get(self.built.refines) if self.built.refines else None
        if finer is not None and finer.is_floating_point():  # numbers are no classes to agree with
            finer = None
        tasks = labeler.tasks()
        found = {}
        for name, targets in made.items():
            if isinstance(tasks[name], Vector):
                one = measure_vectors(targets)
            elif targets.shape[1] != psi.classes:
                continue
            else:  # one row per pixel, where there are pixels
                rows = targets.movedim(1, -1).flatten(0, -2)
                one = measure(rows, main.flatten(), psi, finer if main.dim() == 1 else None)
            found |= {key if name == LABELS else f"{key}:{name}": value for key, value in one.items()}
        return found


def agreement_between_runs(files: Sequence[Path]) -> float | None:
    """How much the labels of different runs say about each other within the primary classes: the mean normalised
    mutual information over pairs of runs, or None where there is nothing to compare."""
    labels = [read_tensors(file)[0] for file in files if file.exists()]
    found = [
        agreement(a["targets"], b["targets"], a["main"]).normalised
        for a, b in combinations(labels[:PAIRED], 2)
        if torch.equal(a["rows"], b["rows"]) and a["targets"].shape == b["targets"].shape
    ]
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known else None
