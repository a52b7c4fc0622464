"""Metrics of weighted test rows: the bootstrap of a metric that is no mean over rows (balanced accuracy, AUC, R^2 ...).

A resample of the test rows is a set of whole-number weights. Most metrics are functions of sums over rows, so that a
thousand resamples are one product of matrices; those that rank rows (AUC, average precision) sort once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auxin.judging.paired import LEVEL
from auxin.runs.predictions import MainPredictions

Floats = NDArray[np.float64]

WORK = 4e7
"""About how many weights times columns one metric may touch; larger tables get fewer draws, at least 200."""


def draws_for(found: MainPredictions, most: int = 2000) -> int:
    """How many resamples are affordable for predictions of this size."""
    columns = found.predicted.shape[1] if found.predicted.ndim == 2 else max(1, found.scores.shape[-1])
    return int(np.clip(WORK / max(1, len(found) * columns), 200, most))


def row_weights(rows: int, draws: int, seed: int = 0) -> Floats:
    """Resamples of `rows` rows with replacement as weights, [draws, rows]; the same for all who ask alike."""
    generator = np.random.default_rng([seed, rows])
    return generator.multinomial(rows, np.full(rows, 1 / rows), size=draws).astype(float)


def weighted(metric: str, found: MainPredictions, weights: Floats) -> Floats:
    """The metric for each set of row weights, [draws]; greater is better, NaN where it is not defined.

    With whole-number weights this is the task's own metric over rows repeated so often.

    Args:
        metric: One of the task's metrics.
        found: The predictions on N rows.
        weights: [draws, N].
    """
    if metric in _RANKED:
        return _ranked(metric, found, weights)
    if found.kind == "classes" and metric == "kappa":
        return _kappa(found, weights)
    if metric == "part_iou":
        right, true, said = (part.astype(float) for part in (found.right, found.true, found.predicted))
        each = _nan_mean(_over(right, true + said - right))
        return _weighted_mean(each, ~np.isnan(each), weights)
    if metric == "hit":
        true = np.asarray(found.true, np.float64)
        present = true[np.arange(len(true)), found.predicted.argmax(1)]
        return _weighted_mean(present, np.isfinite(true.sum(axis=1)), weights)
    if found.kind in ("classes", "class_maps"):
        return _BY_CLASS[metric](*_class_counts(found, weights))
    if found.kind == "attributes":
        return _nan_mean(_BY_ATTRIBUTE[metric](*_attribute_counts(found, weights)))
    return _nan_mean(_BY_NUMBER[metric](*_moments(found, weights)))


def _class_counts(found: MainPredictions, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Right, true and predicted rows (or pixels) of each class, [draws, C] each."""
    if found.kind == "class_maps":
        return weights @ found.right, weights @ found.true, weights @ found.predicted
    size = len(found.table)
    true, said = _one_hot(found.true, size), _one_hot(found.predicted, size)
    right = true.multiply((found.true == found.predicted)[:, None]).tocsr()
    return weights @ right, weights @ true, weights @ said


def _one_hot(labels: NDArray, size: int) -> sparse.csr_matrix:
    rows = np.arange(len(labels))
    return sparse.csr_matrix((np.ones(len(labels)), (rows, labels)), shape=(len(labels), size))


def _over(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom > 0)


def _nan_mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return _over(np.where(known, values, 0.0).sum(1), known.sum(1).astype(float))


def _weighted_mean(values: Floats, known: NDArray[np.bool_], weights: Floats) -> Floats:
    """The weighted mean of the known rows' values, [draws]."""
    return _over(weights @ np.where(known, values, 0.0), weights @ known.astype(float))


_BY_CLASS: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "accuracy": lambda right, true, said: _over(right.sum(1), true.sum(1)),
    "balanced_accuracy": lambda right, true, said: _nan_mean(_over(right, true)),
    "f1": lambda right, true, said: _nan_mean(_over(2 * right, true + said)),
    "miou": lambda right, true, said: _nan_mean(_over(right, true + said - right)),
}


def _attribute_counts(found: MainPredictions, weights: Floats) -> tuple[Floats, ...]:
    """Per attribute: known rows, those predicted right, true, predicted, and both, [draws, D] each."""
    known = ~np.isnan(found.true)
    true, said = known & (np.nan_to_num(found.true) > 0.5), known & (found.predicted > 0)
    return tuple(
        weights @ part.astype(float) for part in (known, known & (true == said), true, said, true & said)
    )


_BY_ATTRIBUTE: dict[str, Callable[..., Floats]] = {
    "accuracy": lambda known, right, true, said, both: _over(right, known),
    "f1": lambda known, right, true, said, both: _over(2 * both, true + said),
}


def _moments(found: MainPredictions, weights: Floats) -> tuple[Floats, ...]:
    """Per number: the count and the sums of |e|, e^2, y and y^2, [draws, D] each; y from its mean over all rows."""
    if found.kind == "number_maps":
        return tuple(weights @ found.true[:, :, k] for k in range(5))
    known = ~np.isnan(found.true)
    count = np.maximum(known.sum(0), 1)
    true = np.where(known, found.true, 0.0)
    y = np.where(known, true - true.sum(0) / count, 0.0)
    error = np.where(known, found.predicted - true, 0.0)
    return tuple(weights @ part for part in (known.astype(float), np.abs(error), error**2, y, y**2))


_BY_NUMBER: dict[str, Callable[..., Floats]] = {
    "mae": lambda count, size, square, y, y2: -_over(size, count),
    "rmse": lambda count, size, square, y, y2: -np.sqrt(_over(square, count)),
    "r2": lambda count, size, square, y, y2: 1 - _over(square, y2 - _over(y**2, count)),
}


def _kappa(found: MainPredictions, weights: Floats) -> Floats:
    """Cohen's kappa with quadratic weights."""
    size = len(found.table)
    true, said = weights @ _one_hot(found.true, size), weights @ _one_hot(found.predicted, size)
    cost = weights @ ((found.true - found.predicted).astype(float) ** 2)
    steps = (np.arange(size)[:, None] - np.arange(size)[None, :]) ** 2
    chance = np.einsum("di,ij,dj->d", true, steps.astype(float), said) / weights.sum(1)
    return 1 - _over(cost, chance)


_RANKED = ("auc", "average_precision")


def _ranked(metric: str, found: MainPredictions, weights: Floats) -> Floats:
    """Each class against the rest, or each attribute over its known rows, averaged where defined."""
    make = _auc if metric == "auc" else _average_precision
    columns = []
    if found.kind == "classes":
        columns = [make(found.scores[:, k], found.true == k, weights) for k in range(found.scores.shape[1])]
    else:
        for k in range(found.predicted.shape[1]):
            known = ~np.isnan(found.true[:, k])
            columns.append(make(found.predicted[known, k], found.true[known, k] > 0.5, weights[:, known]))
    return _nan_mean(np.stack(columns, axis=1))


def _groups(scores: NDArray, positive: NDArray, weights: Floats) -> tuple[Floats, Floats]:
    """The weights of positives and negatives at each distinct score, ascending, [draws, scores] each."""
    _, group = np.unique(scores, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    both = weights[:, order]
    if not starts.size:
        return both, both
    high = np.add.reduceat(both * positive[order], starts, axis=1)
    return high, np.add.reduceat(both, starts, axis=1) - high


def _auc(scores: NDArray, positive: NDArray, weights: Floats) -> Floats:
    high, low = _groups(scores, positive, weights)
    below = low.cumsum(1) - low / 2
    return _over((high * below).sum(1), high.sum(1) * low.sum(1))


def _average_precision(scores: NDArray, positive: NDArray, weights: Floats) -> Floats:
    high, low = _groups(-scores, positive, weights)
    precision = np.nan_to_num(_over(high.cumsum(1), (high + low).cumsum(1)))
    return _over((high * precision).sum(1), high.sum(1))


@dataclass(frozen=True, eq=False)
class Resamples:
    """A metric on resampled test rows, run by run; every run sees the same resamples.

    Attributes:
        metric: Metric of the user.
        predictions: What was predicted, by method and seed.
    """

    metric: str
    predictions: Mapping[tuple[str, int], MainPredictions]
    values: dict[tuple[str, int], Floats] = field(default_factory=dict)

    def interval(self, method: str, reference: str, seeds: Sequence[int]) -> tuple[float, float] | None:
        """A 95 % percentile interval of the mean difference over these seeds, the trained networks held fixed.

        None where predictions are missing, the seeds' rows differ in number, or the metric is not defined.
        """
        runs = [(name, seed) for name in (method, reference) for seed in seeds]
        if not seeds or any(run not in self.predictions for run in runs):
            return None
        if len({len(self.predictions[run]) for run in runs}) > 1:
            return None
        a, b = (np.mean([self._of(name, seed) for seed in seeds], axis=0) for name in (method, reference))
        differences = (a - b)[np.isfinite(a - b)]
        if differences.size < 0.9 * a.size:
            return None
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(differences, [tail, 1 - tail])
        return float(low), float(high)

    def _of(self, method: str, seed: int) -> Floats:
        if (method, seed) not in self.values:
            found = self.predictions[method, seed]
            weights = row_weights(len(found), draws_for(found))
            self.values[method, seed] = weighted(self.metric, found, weights)
        return self.values[method, seed]
