"""A blend: the candidates' weighted mean, with weights from a greedy search on out-of-fold predictions.

Caruana, Niculescu-Mizil, Crew, Ksikes 2004, "Ensemble Selection from Libraries of Models": candidates are added one
at a time, with replacement, each time the one that lowers the loss of the mean most; a candidate's weight is how often
it was added. As there, the search is repeated on resampled rows and the weights are averaged, so that few rows do not
decide alone. Departure: rows are resampled, where the paper resamples the library.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from auxin.fitting.candidates import Member
from auxin.fitting.scores import DOUBT, is_numbers, of_probabilities, pooled, probable
from auxin.rivals import Vectors
from auxin.tasks.base import Task
from auxin.tasks.multilabel import Multilabel

STEPS, BAGS = 12, 12
SMALLEST = 0.05
"""Lower weights become 0: a member that hardly counts still costs its prediction."""


def greedy(task: Task, outputs: Sequence[Tensor], wanted: Tensor, seed: int = 0) -> np.ndarray:
    """The weights of the candidates, summing to 1.

    Args:
        task: The main task.
        outputs: Each candidate's out-of-fold outputs, [n, width].
        wanted: The targets, [n].
        seed: draws the bags.

    >>> from auxin.tasks.regression import Regression
    >>> y = torch.arange(20.0)
    >>> greedy(Regression("y"), [y[:, None] + 1, y[:, None] - 1, torch.zeros(20, 1)], y).round(2).tolist()
    [0.5, 0.5, 0.0]
    """
    table, loss = _losses(task, outputs, wanted)
    n = table.shape[1]
    draw = np.random.default_rng(seed)
    total = np.zeros(len(outputs))
    for bag in range(BAGS):
        rows = np.arange(n) if bag == 0 else draw.integers(n, size=n)
        total += _search(table[:, rows], lambda mean, rows=rows: loss(mean, rows))
    weights = total / total.sum()
    weights[weights < SMALLEST] = 0.0
    return weights / weights.sum()


def _losses(task: Task, outputs: Sequence[Tensor], wanted: Tensor):  # noqa: ANN202
    """What is averaged, [M, n, ...], and the loss of a mean [M, n, ...] over chosen rows, [M]."""
    if is_numbers(task):
        table = np.stack([o[:, 0].double().numpy() for o in outputs])
        truth = ((wanted.double() - task.mean) / task.scale).numpy()  # type: ignore[attr-defined]
        return table, lambda mean, rows: ((mean - truth[rows]) ** 2).mean(1)
    p = np.stack([probable(task, o).numpy() for o in outputs])
    if isinstance(task, Multilabel):
        truth = wanted.double().numpy()

        def each(mean: np.ndarray, rows: np.ndarray) -> np.ndarray:
            sure = (1 - DOUBT) * mean + DOUBT / 2
            part = truth[rows]
            return -np.nanmean(part * np.log(sure) + (1 - part) * np.log(1 - sure), axis=(1, 2))

        return p, each
    hard = (wanted.argmax(1) if wanted.is_floating_point() else wanted).numpy()
    own = np.take_along_axis(p, np.broadcast_to(hard[None, :, None], (len(p), len(hard), 1)), 2)[:, :, 0]
    floor = DOUBT / p.shape[2]
    return own, lambda mean, rows: -np.log((1 - DOUBT) * mean + floor).mean(1)


def _search(table: np.ndarray, loss) -> np.ndarray:  # noqa: ANN001
    counts, total = np.zeros(len(table)), np.zeros_like(table[0])
    for step in range(STEPS):
        best = int(np.argmin(loss((total + table) / (step + 1))))
        counts[best] += 1
        total = total + table[best]
    return counts


@dataclass(frozen=True, eq=False)
class Blend(Member):
    """The weighted mean of members' probabilities or values.

    Attributes:
        task: The main task.
        members: The members that count.
        weights: Weights of the members, summing to 1.
    """

    task: Task
    members: tuple[Member, ...]
    weights: tuple[float, ...]

    def outputs(self, x: Vectors) -> Tensor:
        """The outputs whose probabilities or values are the mean."""
        return pooled(self.task, [m.outputs(x) for m in self.members], np.array(self.weights))


def mean_of_repeats(task: Task, outputs: Tensor) -> Tensor:
    """Out-of-fold outputs [R, n, width] averaged over repeats, as probabilities or values."""
    if is_numbers(task):
        return outputs.double().mean(0)
    if len(outputs) == 1:
        return outputs[0]
    return of_probabilities(task, torch.stack([probable(task, o) for o in outputs]).mean(0))
