"""Which sources are right, found by cross-validation over the labelled rows: the gate before any soft label is used."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from auxin.sources.base import Source, SourceInputs

FOLDS = 5
SURE = 0.02
"""The share of the uniform distribution that is mixed into every guess, so that no single row decides."""
ROUNDS = 500


def held_out(source: Source, known: SourceInputs, folds: int = FOLDS) -> Tensor:
    """What a source says about each labelled row while that row's label is hidden from it, float [n, K].

    The folds are stratified where every class has as many rows as folds, else there are as many folds as the
    smallest class has rows, at least 2; a class of a single row is never guessed, which counts against all sources
    alike. Where a fold leaves labels of one class only, its rows keep the uniform distribution.
    """
    places = known.labelled.nonzero().squeeze(1).cpu()
    labels = known.y.cpu()[places].numpy()
    smallest = int(np.bincount(labels)[np.unique(labels)].min())
    parts = max(2, min(folds, smallest))
    found = torch.full((len(places), known.classes), 1 / known.classes)
    splitter = StratifiedKFold(parts, shuffle=True, random_state=known.seed)
    for _, out in splitter.split(np.zeros(len(labels)), labels):
        hidden = torch.zeros(len(known.y), dtype=torch.bool)
        hidden[places[out]] = True
        left = known.without(hidden.to(known.y.device))
        if len(left.y[left.labelled].unique()) < 2:
            continue
        said = source.guess(left)
        found[out] = said[places[out]].nan_to_num(1 / known.classes).to(found)
    return found


def mixture_weights(sources: Sequence[Source], known: SourceInputs, folds: int = FOLDS) -> Tensor:
    """The weights of a mixture of sources that give the labelled rows' labels the greatest likelihood, float64 [S].

    w maximises sum_i log sum_s w_s p_s(y_i), with p_s the source's held-out distribution, by expectation
    maximisation from equal weights:  w_s <- mean_i w_s p_s(y_i) / sum_r w_r p_r(y_i).  No weight falls below 1e-4,
    so that all can be moved.
    """
    labels = known.y[known.labelled].cpu().unsqueeze(1)
    said = torch.stack([held_out(s, known, folds).gather(1, labels).squeeze(1) for s in sources], 1).double()
    return expectation_maximisation((1 - SURE) * said + SURE / known.classes)


def expectation_maximisation(likelihood: Tensor) -> Tensor:
    """The mixture weights [S] of the greatest likelihood for p_s(y_i), [n, S].

    >>> expectation_maximisation(torch.tensor([[0.9, 0.1], [0.9, 0.1]], dtype=torch.float64)).round(decimals=3).tolist()
    [1.0, 0.0]
    """
    weights = likelihood.new_full((likelihood.shape[1],), 1 / likelihood.shape[1])
    for _ in range(ROUNDS):
        joint = weights * likelihood
        weights = (joint / joint.sum(1, keepdim=True)).mean(0)
    weights = weights.clamp(min=1e-4)
    return weights / weights.sum()
