"""The bootstrap over test rows of any metric: the metric itself, computed again on every resample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auxin.judging.paired import LEVEL
from auxin.judging.weighted import draws_for, row_weights, weighted
from auxin.runs.predictions import MainPredictions


@dataclass(frozen=True, eq=False)
class Resamples:
    """A metric on resampled test rows, run by run; every run sees the same resamples.

    Attributes:
        metric: Metric of the user.
        predictions: What was predicted, by method and seed.
    """

    metric: str
    predictions: Mapping[tuple[str, int], MainPredictions]
    values: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict)

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

    def _of(self, method: str, seed: int) -> NDArray[np.float64]:
        if (method, seed) not in self.values:
            found = self.predictions[method, seed]
            weights = row_weights(len(found), draws_for(found))
            self.values[method, seed] = weighted(self.metric, found, weights)
        return self.values[method, seed]
