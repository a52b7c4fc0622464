"""How far a cross-validated score may be from the score on new rows: an interval over rows, or over groups of rows."""

import numpy as np
import torch
from torch import Tensor

from auxin.tasks.base import Task

WIDER = 1.6
"""The variance of a cross-validated score is taken so many times: the five trainings share most of their rows, and
other labelled rows would give another model. Measured on development sets (`docs/benchmarks/fit.md`)."""
NORMAL, DRAWS = 1.96, 200
"""Standard errors to each side, and draws of the bootstrap."""
BLOCKS = 200
"""More groups than this are left out in so many blocks, because the jackknife's time grows with their number."""
Interval = tuple[float, float, float]
"""The metric, and both ends of its interval."""


def interval(
    task: Task,
    outputs: Tensor,
    wanted: Tensor,
    metric: str,
    groups: np.ndarray | None = None,
) -> Interval:
    """The metric on these outputs, and a 95 % interval over which labelled rows, or groups of rows, there are.

    Rows by themselves: accuracies get Wilson's interval, which is not empty where all rows are right; other metrics a
    bootstrap over the rows. Rows in groups resemble one another, so groups count and not rows: the standard error is
    the jackknife's that leaves out one group at a time (or one block of many groups), times Student's t with one
    degree of freedom less than there are groups or blocks (Cameron, Miller 2015, "A Practitioner's Guide to
    Cluster-Robust Inference"). Accuracies keep Wilson's form, with the number of rows divided by the factor by which
    groups raise the variance.

    Args:
        task: the main task.
        outputs: out-of-fold, [n, width].
        wanted: the targets, [n].
        metric: one of the task's.
        groups: the group of every row, [n]; None: every row is by itself.

    >>> from auxin.tasks.classes import Classes
    >>> sure = torch.tensor([[4.0, 0.0]]).repeat(20, 1)
    >>> [round(v, 2) for v in interval(Classes("y", 2), sure, torch.zeros(20, dtype=torch.long), "accuracy")]
    [1.0, 0.76, 1.0]
    """
    value, n = task.score(outputs, wanted, metric), len(wanted)
    plain = metric == "accuracy" and wanted.dim() == 1
    if groups is not None and len(np.unique(groups)) < n:
        return _of_groups(task, outputs, wanted, metric, value, plain, groups)
    if plain:
        return _wilson(value, n / WIDER, NORMAL)
    draw = np.random.default_rng(0)
    scores = []
    for _ in range(DRAWS):
        rows = torch.from_numpy(draw.integers(n, size=n))
        scores.append(task.score(outputs[rows], wanted[rows], metric))
    found = np.array([s for s in scores if np.isfinite(s)])
    if len(found) < 2:
        return value, float("nan"), float("nan")
    low, high = np.percentile(found, [2.5, 97.5])
    return value, float(value + (low - value) * WIDER**0.5), float(value + (high - value) * WIDER**0.5)


def _wilson(value: float, rows: float, z: float) -> Interval:
    """Wilson's interval of a share, z standard errors to each side."""
    extra = z * z / rows
    middle, half = (value + extra / 2) / (1 + extra), z / (1 + extra)
    half *= ((value * (1 - value) + extra / 4) / rows) ** 0.5
    return value, max(0.0, middle - half), min(1.0, middle + half)


def _of_groups(
    task: Task,
    outputs: Tensor,
    wanted: Tensor,
    metric: str,
    value: float,
    plain: bool,
    groups: np.ndarray,
) -> Interval:
    from scipy.stats import t  # here, since prediction does not need it

    names, codes = np.unique(groups, return_inverse=True)
    n, count = len(wanted), len(names)
    if count < 3:
        return value, float("nan"), float("nan")
    if count > BLOCKS:
        groups = (np.random.default_rng(0).permutation(count) % BLOCKS)[codes]
        names = np.arange(BLOCKS)
    wide = float(t.ppf(0.975, len(names) - 1))
    without = []
    for name in names:
        rows = torch.from_numpy(np.flatnonzero(groups != name))
        without.append(task.score(outputs[rows], wanted[rows], metric))
    left = np.array(without)
    if not np.isfinite(left).all():
        return value, float("nan"), float("nan")
    variance = (len(names) - 1) / len(names) * float(((left - left.mean()) ** 2).sum())
    if plain:
        single = value * (1 - value) / n
        raised = n / count if single == 0 else max(1.0, variance / single)
        return _wilson(value, n / raised / WIDER, wide)
    half = wide * (variance * WIDER) ** 0.5
    return value, value - half, value + half
