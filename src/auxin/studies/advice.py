"""Sentences about a model: how good it is, in comparison with what, and what more labels would bring."""

from collections.abc import Mapping

import numpy as np
import torch

from auxin.exported.card import Estimate
from auxin.fitting.candidates import Constant
from auxin.fitting.choose import BLEND, ModelChoice
from auxin.fitting.scores import is_numbers, standard_error
from auxin.fitting.search import Search
from auxin.judging.wording import name as named
from auxin.studies.bought import auxiliaries

MORE = 100
"""Labels whose worth is estimated."""
LOOKED = 3
"""Folds in which the candidate is trained on half of the labels."""
_PREFIXES = {
    "infer": "infer:NAME is the estimator NAME, also trained on rows whose main label was inferred.",
    "stack": "stack:NAME is the estimator NAME with predictions of the auxiliary tasks as further inputs.",
}
STEEPEST = 0.5
"""The loss falls at most with this power of the number of labels."""


def advice(
    found: Search, choice: ModelChoice, estimate: Estimate, metric: str, scores: Mapping[str, float]
) -> list[str]:
    """The sentences, the most important first."""
    said = [
        _kept(choice),
        *_explained(choice),
        _chosen(found, choice, scores),
        _good(found, estimate, metric),
        _beside(estimate, scores, metric),
        _below_guess(found, choice),
    ]
    return [*filter(None, said), *auxiliaries(found, choice, metric), *_more(found, choice, metric)]


def _kept(choice: ModelChoice) -> str:
    if len(choice.kept) == 1:
        return f"This model is {choice.kept[0].name}."
    parts = sorted(zip(choice.weights, choice.kept, strict=True), key=lambda pair: -pair[0])
    return (
        "This model is a blend: " + ", ".join(f"{weight:.0%} {entry.family}" for weight, entry in parts) + "."
    )


def _explained(choice: ModelChoice) -> list[str]:
    """A sentence for each prefix in the names of what was kept."""
    names = {entry.family.partition(":")[0] for entry in choice.kept if ":" in entry.family}
    return [_PREFIXES[name] for name in sorted(names & set(_PREFIXES))]


def _chosen(found: Search, choice: ModelChoice, scores: Mapping[str, float]) -> str:
    """Why the first of the table is not what was kept, where that is so."""
    kept = BLEND if choice.blended else choice.kept[0].family
    if found.metric is not None or scores.get(kept, -np.inf) >= max(scores.values(), default=-np.inf):
        return ""
    loss = "squared error" if is_numbers(found.rows.task) else "log loss"
    return (
        f"The choice is by {loss}, and the simplest of nearly equal candidates is kept: so the first of the table is "
        "another one. Choose by the score itself with --metric."
    )


def _good(found: Search, estimate: Estimate, metric: str) -> str:
    span = ""
    if estimate.low is not None and estimate.high is not None:
        groups = found.rows.of_groups
        over = "" if groups is None else f" over {len(np.unique(groups)):,} groups of rows"
        span = f" (95 % interval{over} {estimate.low:.3f} to {estimate.high:.3f})"
    return (
        f"Its {named(metric)} is about {estimate.value:.3f}{span}, cross-validated on {estimate.rows:,} labelled "
        "rows and corrected for the selection on the same rows."
    )


def _beside(estimate: Estimate, scores: Mapping[str, float], metric: str) -> str:
    """How much better the model is than what a person would do without auxin."""
    line = next((name for name in ("logistic", "ridge") if name in scores), "")
    others = {
        "constant guess": "a constant guess",
        line: f"scikit-learn's {line} regression",
        "network": "a network trained on the main task only",
    }
    parts = [
        f"{estimate.value - scores[name]:+.3f} relative to {said} ({scores[name]:.3f})"
        for name, said in others.items()
        if name in scores
    ]
    return f"On the same rows, by {named(metric)}: {', '.join(parts)}." if parts else ""


def _below_guess(found: Search, choice: ModelChoice) -> str:
    guess = choice.best.get(Constant().family)
    if guess is None:
        return ""
    own = _loss(found, choice)
    gain = guess.loss.mean() - own.mean()
    if gain > 2 * standard_error(own, guess.loss, found.rows.of_groups):
        return ""
    return (
        "It is not clearly better than a constant guess: the inputs carry little information on the main task, or "
        "there are too few labels."
    )


def _loss(found: Search, choice: ModelChoice) -> np.ndarray:
    from auxin.fitting.scores import losses

    return losses(found.rows.task, choice.outputs, found.wanted)


def _more(found: Search, choice: ModelChoice, metric: str) -> list[str]:
    """What a hundred more labels would buy, from the loss with half of the labels.

    The loss is taken to fall as n^-b between half of the labels and all of them, and beyond; b is at most 0.5.
    """
    from auxin.fitting.scores import losses

    entry = max(zip(choice.weights, choice.kept, strict=True), key=lambda pair: pair[0])[1]
    n = len(found.wanted)
    left = found.left()
    if n < 20 or entry.family == Constant().family or (left is not None and found.cost[entry.family] > left):
        return []
    candidate, folds, rows = found.candidates[entry.name], found.folds, found.rows
    draw = np.random.default_rng(found.seed)
    outputs, seen = torch.zeros_like(entry.outputs), np.zeros(n, bool)
    for _, kept, held in folds.pairs(rows.labelled)[:LOOKED]:
        seen[held] = True
        half = draw.permutation(kept)[: len(kept) // 2]
        x = rows.x[rows.labelled[held]]
        outputs[torch.from_numpy(held)] = candidate.predicted(rows, half, x, found.seed)
    fewer, all_of = losses(rows.task, outputs, found.wanted)[seen].mean(), entry.loss[seen].mean()
    power = float(np.clip(np.log(fewer / all_of) / np.log(2), 0.0, STEEPEST))
    saved = 1 - ((n + MORE) / n) ** -power
    kept, score = torch.from_numpy(seen), rows.task.score
    now, before = (score(o[kept], found.wanted[kept], metric) for o in (entry.outputs, outputs))
    half_said = (
        f"with half of the labels, {entry.family} scores {before:.3f} {named(metric)} instead of {now:.3f}"
    )
    if saved < 0.01:
        return [f"{MORE} more labels would change little: {half_said}, at about the same loss."]
    return [
        f"{MORE} more labels would lower the loss by about {saved:.0%}, if the trend from {n // 2:,} to {n:,} labels "
        f"continues: {half_said}."
    ]
