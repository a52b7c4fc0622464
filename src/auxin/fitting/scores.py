"""How good outputs are, row by row: what candidates are compared by."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.rivals import kind_of, outputs_of
from auxin.tasks.base import Task
from auxin.tasks.multilabel import Multilabel

DOUBT = 0.02
"""Probabilities are mixed with this share of equal ones before they are scored: a forest that rules a class out on a
hundred trees would lose without end to one that does not, for one row."""
WIDEST = 2.0
"""Bounds of log(temperature)."""
LEAST = 1e-6
BEYOND = 0.5
"""How far predicted numbers may lie outside the labels, in shares of the labels' range."""


def bounds_of(task: Task, y: Tensor, zero: bool = True) -> tuple[float, float] | None:
    """Between which outputs of a task of numbers stay, given its labels; None for classes.

    A linear model puts a row with a far column far outside all labels, and one such row can cost more than all others.
    Where no label is below 0 (counts, prices, shares), no prediction is, unless zero=False.

    >>> from auxin.tasks.regression import Regression
    >>> bounds_of(Regression("y", mean=2.0, scale=2.0), torch.tensor([0.0, 4.0]))
    (-1.0, 2.0)
    """
    if not is_numbers(task):
        return None
    low, high = ((float(edge) - task.mean) / task.scale for edge in (y.min(), y.max()))  # type: ignore[attr-defined]
    reach = BEYOND * (high - low)
    least = max(low - reach, _zero(task)) if zero and float(y.min()) >= 0 else low - reach
    return least, high + reach


def _zero(task: Any) -> float:
    """The output that stands for 0, or for the least number above it that rounding leaves."""
    found = -float(task.mean) / float(task.scale)
    while found * task.scale + task.mean < 0:
        found = float(np.nextafter(found, np.inf))
    return found


def probable(task: Task, outputs: Tensor) -> Tensor:
    """The probabilities, float64 [N, C] (or [N, D] of attributes)."""
    return task.probabilities(outputs.double())  # type: ignore[attr-defined]


def is_numbers(task: Task) -> bool:
    """Whether the task's values are real numbers."""
    return kind_of(task) == "regression"


def pooled(task: Task, outputs: list[Tensor], weights: np.ndarray | None = None) -> Tensor:
    """The outputs whose probabilities (or values) are the weighted mean of these candidates'.

    Args:
        task: the main task.
        outputs: of each candidate, [N, width].
        weights: one for each candidate, summing to 1; equal where not given.
    """
    share = np.full(len(outputs), 1 / len(outputs)) if weights is None else weights
    if is_numbers(task):
        return sum((w * o.double() for w, o in zip(share, outputs, strict=True)), torch.zeros(1))  # type: ignore[return-value]
    mean: Any = sum(w * probable(task, o) for w, o in zip(share, outputs, strict=True))
    return of_probabilities(task, mean)


def of_probabilities(task: Task, probabilities: Tensor) -> Tensor:
    """The outputs that have these probabilities."""
    if isinstance(task, Multilabel):
        return probabilities.logit(LEAST)
    return outputs_of(task, probabilities)


def losses(task: Task, outputs: Tensor, wanted: Tensor) -> np.ndarray:
    """Each row's loss: squared error in units of the targets' spread, or log loss after a little doubt, [N]."""
    if is_numbers(task):
        wanted = (wanted.double() - task.mean) / task.scale  # type: ignore[attr-defined]
        return ((outputs[:, 0].double() - wanted) ** 2).numpy()
    p = probable(task, outputs)
    if isinstance(task, Multilabel):
        p = (1 - DOUBT) * p + DOUBT / 2
        known = ~wanted.isnan() if wanted.is_floating_point() else wanted != -1
        truth = torch.where(known, wanted.double().nan_to_num(), 0.0)
        each = -(truth * p.log() + (1 - truth) * (1 - p).log()) * known
        return (each.sum(1) / known.sum(1).clamp(min=1)).numpy()
    p = (1 - DOUBT) * p + DOUBT / p.shape[1]
    hard = wanted.argmax(1) if wanted.is_floating_point() else wanted
    return -p.gather(1, hard[:, None]).log()[:, 0].numpy()


def worse_by(task: Task, outputs: Tensor, wanted: Tensor, metric: str) -> np.ndarray:
    """What two models are compared by row by row: 1 where wrong if the metric is accuracy, else the loss, [n]."""
    if metric == "accuracy" and wanted.dim() == 1 and not wanted.is_floating_point():
        return (task.predict(outputs) != wanted).double().numpy()
    return losses(task, outputs, wanted)


def standard_error(first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None) -> float:
    """The standard error of the mean difference of two candidates' losses over the same rows.

    With groups, those are drawn and not rows: with D_g the sum of a group's differences from the mean one,
    sqrt(G / (G - 1) sum_g D_g^2) / n.

    Args:
        first, second: the losses, [n].
        groups: the group of every row, [n]; None: every row is by itself.

    >>> one, two = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 2.0, 2.0, 4.0])
    >>> standard_error(one, two), standard_error(one, two, np.array([0, 1, 0, 1]))
    (0.28867513459481287, 0.5)
    """
    difference = first - second
    codes = np.arange(len(difference)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(codes, difference - difference.mean())
    if len(sums) < 2:
        return float("inf")
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(difference))


def temperature(task: Task, outputs: Tensor, wanted: Tensor) -> float:
    """What the logarithms of the probabilities are divided by so that the labels are likeliest; 1 for numbers.

    With a prior around 1 as strong as some twenty rows.

    >>> from auxin.tasks.classes import Classes
    >>> sure = torch.tensor([[4.0, 0.0]]).repeat(200, 1)
    >>> heat = temperature(Classes("y", 2), sure, (torch.arange(200) % 4 == 0).long())  # right at 75 %
    >>> round(float((sure[0] / heat).softmax(0)[0]), 2)
    0.77
    """
    if is_numbers(task):
        return 1.0
    from scipy.optimize import minimize_scalar  # here, since prediction does not need it

    def regret(log: float) -> float:
        heated = at_temperature(task, outputs, float(np.exp(log)))
        return float(losses(task, heated, wanted).sum()) + 2.0 * log**2

    best: Any = minimize_scalar(regret, bounds=(-WIDEST, WIDEST), method="bounded", options={"xatol": 0.02})
    return float(np.exp(best.x))


def at_temperature(task: Task, outputs: Tensor, heat: float) -> Tensor:
    """The outputs at a temperature: probabilities to the power of 1 / heat, normalised."""
    if heat == 1.0 or is_numbers(task):
        return outputs
    if isinstance(task, Multilabel):
        return outputs / heat
    p = probable(task, outputs).clamp(min=LEAST)
    return outputs_of(task, (p.log() / heat).softmax(1))
