"""What labels are worth: the leading candidate with half of the labels that a fold has, beside all of them."""

from dataclasses import dataclass

import numpy as np
import torch

from auxin.fitting.candidates import Constant
from auxin.fitting.choose import CandidateOutputs, ModelChoice
from auxin.fitting.rows import Rows
from auxin.fitting.search import Search

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
    """

    family: str
    labels: int
    folds: int
    before: float
    now: float

    def gain(self, more: int) -> float:
        """What `more` labels beyond n add to the score, if every doubling adds as much as the last one did.

        gain = (now - before) log2((n + more) / n), and nothing where half of the labels were better. Scores level off,
        so that this is rather too much than too little.

        >>> LearningCurve("ridge", 100, 5, 0.5, 0.6).gain(100)
        0.1
        """
        return round(
            max(self.now - self.before, 0.0) * float(np.log2((self.labels + more) / self.labels)), 12
        )

    @property
    def last_fold(self) -> float:
        """What the labels add that every fold holds out: gain from m to n labels, (now - before) log2(K / (K - 1))."""
        return max(self.now - self.before, 0.0) * float(np.log2(self.folds / (self.folds - 1)))


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
    return LearningCurve(entry.family, n, folds.count, before, now)


def half(rows: Rows, kept: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Half of these rows at random; of classes half of each, rounded up."""
    order, y = draw.permutation(kept), rows.y
    if y.dim() > 1 or y.is_floating_point():
        return order[: len(order) // 2]
    labels = y.numpy()[order]
    parts = [order[labels == label] for label in np.unique(labels)]
    return np.concatenate([part[: (len(part) + 1) // 2] for part in parts])
