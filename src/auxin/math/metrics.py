"""Metrics in float64, from their definitions (tested against scikit-learn); greater is better."""

from functools import cache

import torch
from torch import Tensor

from auxin.errors import ConfigError

NAN = float("nan")


def accuracy(predicted: Tensor, true: Tensor) -> float:
    """The share of samples whose class number [B] is predicted right.

    >>> accuracy(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0])) == 2 / 3
    True
    """
    return float((predicted == true).double().mean())


def among_likeliest(scores: Tensor, true: Tensor, count: int) -> Tensor:
    """Whether each sample's class is among the `count` of the highest scores, float64 [B]; of equals the first.

    >>> among_likeliest(torch.tensor([[3.0, 2.0, 1.0, 0.0]]), torch.tensor([2]), 3).tolist()
    [1.0]
    """
    best = scores.sort(dim=1, descending=True, stable=True).indices[:, :count]
    return (best == true.unsqueeze(1)).any(1).double()


def hits(scores: Tensor, target: Tensor) -> Tensor:
    """Whether the attribute of the highest score is one that the sample has, float64 [B].

    >>> hits(torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0, 1, 1]])).tolist()
    [0.0]
    """
    return (target.gather(1, scores.argmax(1, keepdim=True)).squeeze(1) > 0.5).double()


def confusion(predicted: Tensor, true: Tensor, classes: int) -> Tensor:
    """How often class i (row) was predicted as class j (column), float64 [C, C]; class numbers of any shape.

    >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), classes=2).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    counts = torch.bincount(true.flatten() * classes + predicted.flatten(), minlength=classes * classes)
    return counts.reshape(classes, classes).double()


def balanced_accuracy(table: Tensor) -> float:
    """The mean recall over the classes that occur, from a confusion table [C, C].

    >>> balanced_accuracy(torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    0.75
    """
    occurs = table.sum(1) > 0
    return float((table.diagonal()[occurs] / table.sum(1)[occurs]).mean())


def macro_f1(table: Tensor) -> float:
    """The mean F1 over the classes that occur or were predicted, from a confusion table [C, C].

    >>> round(macro_f1(torch.tensor([[1.0, 1.0], [0.0, 1.0]])), 3)
    0.667
    """
    total = table.sum(0) + table.sum(1)
    seen = total > 0
    return float((2 * table.diagonal()[seen] / total[seen]).mean())


def mean_iou(table: Tensor) -> float:
    """The mean intersection over union of the classes that occur or were predicted, from a confusion table [C, C].

    >>> mean_iou(torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
    0.5
    """
    union = table.sum(0) + table.sum(1) - table.diagonal()
    seen = union > 0
    return float((table.diagonal()[seen] / union[seen]).mean())


def weighted_kappa(table: Tensor) -> float:
    """Cohen's kappa with quadratic weights, from a confusion table [C, C]; NaN where only one class occurs.

    >>> round(weighted_kappa(torch.tensor([[1.0, 1.0], [0.0, 1.0]])), 3)
    0.4
    """
    steps = torch.arange(len(table), dtype=torch.float64, device=table.device)
    cost = (steps[:, None] - steps[None, :]).square()
    chance = table.sum(1)[:, None] * table.sum(0)[None, :] / table.sum()
    expected = float((cost * chance).sum())
    return 1 - float((cost * table).sum()) / expected if expected > 0 else NAN


def auc(scores: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve: the chance that a positive outscores a negative; NaN without both.

    Args:
        scores: Scores, [B]; equal scores count half.
        positive: Whether each sample is positive, bool [B].

    >>> auc(torch.tensor([0.9, 0.4, 0.4]), torch.tensor([True, True, False]))
    0.75
    """
    high, low = int(positive.sum()), int((~positive).sum())
    if high == 0 or low == 0:
        return NAN
    ranks = _mean_ranks(scores)
    return float((ranks[positive].sum() - high * (high + 1) / 2) / (high * low))


def _mean_ranks(scores: Tensor) -> Tensor:
    """Ranks from 1, equal scores sharing the mean of theirs, float64."""
    _, group, count = torch.unique(scores, sorted=True, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count.double() - 1) / 2)[group]


def average_precision(scores: Tensor, positive: Tensor) -> float:
    """The precision averaged over the steps of recall, tied scores being one step; NaN without a positive.

    Args:
        scores: Scores, [B].
        positive: Whether each sample is positive, bool [B].

    >>> round(average_precision(torch.tensor([0.9, 0.6, 0.4]), torch.tensor([True, False, True])), 3)
    0.833
    """
    if not bool(positive.any()):
        return NAN
    _, group, count = torch.unique(-scores, sorted=True, return_inverse=True, return_counts=True)
    hits = torch.zeros(len(count), dtype=torch.float64, device=scores.device)
    hits.index_add_(0, group, positive.double())
    precision = hits.cumsum(0) / count.cumsum(0)
    return float((hits * precision).sum() / positive.sum())


def nan_mean(values: list[float]) -> float:
    """The mean of those values that are defined; NaN where none is."""
    return float(torch.tensor(values, dtype=torch.float64).nanmean()) if values else NAN


def r2(predicted: Tensor, true: Tensor) -> float:
    """R²: 1 - residual / total sum of squares of values [B]; NaN where the targets do not vary.

    >>> r2(torch.tensor([1.0, 2.0, 2.0]), torch.tensor([1.0, 2.0, 3.0]))
    0.5
    """
    total = float((true - true.mean()).square().sum())
    return 1 - float((predicted - true).square().sum()) / total if total > 0 else NAN


def mae(predicted: Tensor, true: Tensor) -> float:
    """The mean absolute error of values [B], negated.

    >>> mae(torch.tensor([1.0, 4.0]), torch.tensor([1.0, 2.0]))
    -1.0
    """
    return -float((predicted - true).abs().mean())


def rmse(predicted: Tensor, true: Tensor) -> float:
    """The root of the mean squared error of values [B], negated.

    >>> rmse(torch.tensor([1.0, 1.0]), torch.tensor([3.0, -1.0]))
    -2.0
    """
    return -float((predicted - true).square().mean().sqrt())


COST = "cost="
"""How a cost matrix is written as a metric: `cost=0,1;5,0`, a row per true class, a column per predicted one."""


@cache
def costs(metric: str) -> Tensor:
    """The cost matrix that a metric spells out, float64 [C, C].

    >>> costs("cost=0,1;5,0").tolist()
    [[0.0, 1.0], [5.0, 0.0]]
    """
    rows = [[float(value) for value in row.split(",")] for row in metric.removeprefix(COST).split(";")]
    return torch.tensor(rows, dtype=torch.float64)


def cost_of_rows(metric: str, predicted: Tensor, true: Tensor) -> Tensor:
    """What each prediction costs, negated, float64 [B].

    Raises:
        ConfigError: The matrix has fewer rows or columns than there are classes.
    """
    table = costs(metric).to(predicted.device)
    least = 1 + int(max(predicted.max(), true.max())) if len(true) else 0
    if table.shape[0] != table.shape[1] or len(table) < least:
        raise ConfigError(
            "The cost matrix does not fit the task",
            expected=f"{least} x {least}",
            found=" x ".join(map(str, table.shape)),
        )
    return -table[true, predicted]
