"""What labels are worth: the leading candidate with half of the labels that a fold has, beside all of them."""

from dataclasses import dataclass

import numpy as np
import torch

from auxin.fitting.candidates import Constant
from auxin.fitting.choose import CandidateOutputs, ModelChoice
from auxin.fitting.rows import Rows
from auxin.fitting.search import Search
from auxin.judging import wording

STEEPEST = 0.5
"""The distance to the best score falls at most with this power of the number of labels."""
FEWEST = 20
"""Labelled rows below which halves say nothing."""


@dataclass(frozen=True)
class LearningCurve:
    """The score of one kind of candidate on held-out rows, with all labels of the other folds and with half of them.

    Attributes:
        family: Name of the candidate's family.
        labels: Number of labelled rows, n.
        folds: Number of folds, K; all labels of the other folds are m = n (K - 1) / K.
        before: The score with m / 2 labels.
        now: The score with m labels.
        best: The score of a model without errors.
    """

    family: str
    labels: int
    folds: int
    before: float
    now: float
    best: float = 1.0

    def gain(self, more: int) -> float:
        """What `more` labels beyond n add to the score.

        The distance e to the best score is taken to fall as a power of the number of labels, as it did from m / 2 to m,
        and at most with its root: b = log2(e_before / e_now) within [0, 1 / 2], gain = e_now (1 - ((n + more) / n)^-b).

        >>> LearningCurve("ridge", 100, 5, 0.5, 0.6).gain(100)
        0.08
        """
        return self._gain((self.labels + more) / self.labels)

    @property
    def last_fold(self) -> float:
        """What the labels add that every fold holds out: the gain from m to n labels."""
        return self._gain(self.folds / (self.folds - 1))

    def _gain(self, times: float) -> float:
        before, now = self.best - self.before, self.best - self.now
        if now <= 0 or before <= now:
            return 0.0
        power = min(float(np.log2(before / now)), STEEPEST)
        return round(now * (1 - times**-power), 12)


def learning_curve(found: Search, choice: ModelChoice, metric: str) -> LearningCurve | None:
    """Train the heaviest candidate of the choice on half of each fold's labels; None where that takes too long."""
    entry = max(zip(choice.weights, choice.kept, strict=True), key=lambda pair: pair[0])[1]
    rows, folds, n, left = found.rows, found.folds, len(found.wanted), found.left()
    slow = left is not None and found.cost.get(entry.family, 0.0) > left
    if n < FEWEST or entry.family == Constant().family or slow:
        return None
    candidate, outputs = found.candidates[entry.name].for_folds(), torch.zeros_like(entry.outputs)
    draw = np.random.default_rng(found.seed)
    for repeat, kept, held in folds.pairs(rows.labelled):
        if repeat:
            break
        x = rows.x[rows.labelled[held]]
        outputs[torch.from_numpy(held)] = candidate.predicted(rows, half(rows, kept, draw), x, found.seed)
    half_of = CandidateOutputs.of(rows.task, entry.name, entry.family, 0, outputs, found.wanted)
    before, now = (rows.task.score(o, found.wanted, metric) for o in (half_of.outputs, entry.outputs))
    if not np.isfinite([before, now]).all():
        return None
    best = 0.0 if wording.lower_is_better(metric) else 1.0
    return LearningCurve(entry.family, n, folds.count, before, now, best)


def half(rows: Rows, kept: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Half of these rows at random; of classes half of each, rounded up."""
    order, y = draw.permutation(kept), rows.y
    if y.dim() > 1 or y.is_floating_point():
        return order[: len(order) // 2]
    labels = y.numpy()[order]
    parts = [order[labels == label] for label in np.unique(labels)]
    return np.concatenate([part[: (len(part) + 1) // 2] for part in parts])
