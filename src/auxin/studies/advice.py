"""Sentences about a model: how good it is beside what, and what its auxiliary tasks and more labels are worth."""

import time
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from auxin.exported.card import Estimate
from auxin.fitting.auxiliaries import InferredLabelCandidate, without
from auxin.fitting.blend import mean_of_repeats
from auxin.fitting.candidates import Constant
from auxin.fitting.choose import BLEND, CandidateOutputs, ModelChoice
from auxin.fitting.images import ConvCandidate
from auxin.fitting.network import NetworkCandidate
from auxin.fitting.process import PROCESSES, TOGETHER
from auxin.fitting.scores import at_temperature, is_numbers, losses, standard_error, temperature, worse_by
from auxin.fitting.search import Search
from auxin.fitting.stacked import RivalWithAuxiliaries
from auxin.judging import wording
from auxin.studies.curve import LearningCurve

MORE = 100
"""Labels whose worth is estimated."""
LITTLE = 0.005
"""A gain of a smaller share of the score is called little."""
MOST = 6
"""So many auxiliary tasks are left out one by one at most."""
_PREFIXES = {
    "features": "features:NAME is the estimator NAME on features of the images (whitened patches and edges).",
    "infer": "infer:NAME is the estimator NAME, also trained on rows whose main label was inferred.",
    "stack": "stack:NAME is the estimator NAME with predictions of the auxiliary tasks as further inputs.",
}


def advice(
    found: Search,
    choice: ModelChoice,
    estimate: Estimate,
    metric: str,
    scores: Mapping[str, float],
    curve: LearningCurve | None = None,
) -> list[str]:
    """The sentences, the most important first."""
    said = [
        _kept(choice),
        *_explained(choice),
        _chosen(found, choice, scores),
        _good(found, estimate, metric, curve),
        _beside(found, choice, estimate, metric),
        _below_guess(found, choice),
    ]
    return [*filter(None, said), *auxiliaries(found, choice, metric), *_more(curve, metric)]


def _kept(choice: ModelChoice) -> str:
    if len(choice.kept) == 1:
        return f"This model is {choice.kept[0].name}."
    parts = sorted(zip(choice.weights, choice.kept, strict=True), key=lambda pair: -pair[0])
    return f"This model is a blend: {', '.join(f'{weight:.0%} {entry.family}' for weight, entry in parts)}."


def _explained(choice: ModelChoice) -> list[str]:
    """A sentence for each prefix in the names of what was kept."""
    names = {prefix for entry in choice.kept for prefix in entry.family.split(":")[:-1]}
    return [_PREFIXES[name] for name in sorted(names & set(_PREFIXES))]


def _chosen(found: Search, choice: ModelChoice, scores: Mapping[str, float]) -> str:
    """Why the first of the table is not what was kept, where that is so."""
    kept = BLEND if choice.blended else choice.kept[0].family
    if found.metric is not None or scores.get(kept, -np.inf) >= max(scores.values(), default=-np.inf):
        return ""
    if any(entry.family in PROCESSES for entry in choice.kept) and choice.blended:
        return (
            "Gaussian processes get half of the weight unless clearly worse, so the model is not the first row of the "
            "table. --metric NAME chooses by that metric alone, without this half."
        )
    loss = "squared error" if is_numbers(found.rows.task) else "log loss"
    return (
        f"The choice is by {loss}, and of nearly equal candidates the simplest is kept, so the model is not the first "
        "row of the table. --metric NAME chooses by that metric instead."
    )


def _good(found: Search, estimate: Estimate, metric: str, curve: LearningCurve | None) -> str:
    span = ""
    if estimate.low is not None and estimate.high is not None:
        groups = found.rows.of_groups
        over = "" if groups is None else f" over {len(np.unique(groups)):,} groups of rows"
        span = f" (95 % interval{over} {wording.span(estimate.low, estimate.high, metric)})"
    said = (
        f"Its {wording.name(metric)} is about {wording.stated(estimate.value, metric)}{span}, cross-validated on "
        f"{estimate.rows:,} labelled rows and corrected for the selection on the same rows."
    )
    part = 0.0 if curve is None else curve.last_fold
    if not span or wording.better_or_worse(part, metric) == "the same":
        return said
    return (
        f"{said} Every fold trains on fewer labels than this model; if more labels go on helping as they did, it is "
        f"{wording.better_or_worse(part, metric)}, which the interval includes."
    )


def _beside(found: Search, choice: ModelChoice, estimate: Estimate, metric: str) -> str:
    """How much better the model is than what a person would do without auxin."""
    kept = {entry.family for entry in choice.kept}
    line = next((name for name in ("logistic", "ridge") if name in choice.best), "")
    others = {
        Constant().family: "a constant guess",
        line: f"scikit-learn's {line} regression",
        "network": "a network trained on the main task only",
    }
    own, parts = found.honest(), []
    for family, said in others.items():
        if family not in choice.best or kept == {family}:
            continue
        outputs = choice.best[family].outputs
        value = found.rows.task.score(outputs, found.wanted, metric)
        gap = wording.better_or_worse(estimate.value - value, metric)
        sure = "" if _gain(found, own, outputs, metric) or gap == "the same" else ", which is not clear"
        parts.append(f"{said} has {wording.stated(value, metric)} (this model is {gap}{sure})")
    return f"On the same rows, {', '.join(parts)}." if parts else ""


def _gain(found: Search, own: Tensor, other: Tensor, metric: str) -> float:
    """How much smaller the first outputs' losses are; 0 where that is within two standard errors."""
    lost, gone = (worse_by(found.rows.task, one, found.wanted, metric) for one in (own, other))
    gain = float(gone.mean() - lost.mean())
    return gain if abs(gain) > 2 * standard_error(lost, gone, found.rows.of_groups) else 0.0


def _below_guess(found: Search, choice: ModelChoice) -> str:
    guess = choice.best.get(Constant().family)
    if guess is None:
        return ""
    if len(choice.best) == 1:
        why = "of lack of time. A longer time limit tries more" if found.skipped else "every other one failed"
        return f"Whether the inputs tell more was not tried: a constant guess is the only candidate, because {why}."
    own = losses(found.rows.task, choice.outputs, found.wanted)
    gain = guess.loss.mean() - own.mean()
    if gain > 2 * standard_error(own, guess.loss, found.rows.of_groups):
        return ""
    return (
        "It is not clearly better than a constant guess: the inputs carry little information on the main task, or "
        "there are too few labels."
    )


def auxiliaries(found: Search, choice: ModelChoice, metric: str) -> list[str]:
    """Sentences: the best candidate with auxiliaries against the best without, and that one without each of them."""
    uses = {family for family, entry in choice.best.items() if _uses_auxiliaries(found, entry)}
    if not uses:
        return []
    least = lambda names: min(names, key=lambda n: choice.best[n].loss.mean())  # noqa: E731
    aided, plain = least(uses), least(set(choice.best) - uses)
    first, second = choice.best[aided], choice.best[plain]
    gain = _gain(found, first.outputs, second.outputs, metric)
    scores = [found.rows.task.score(one.outputs, found.wanted, metric) for one in (first, second)]
    difference = wording.better_or_worse(scores[0] - scores[1], metric)
    names = ", ".join(found.rows.auxiliaries)
    clear = gain and difference != "the same"
    by = "" if is_numbers(found.rows.task) else " by log loss"  # numbers have one order by both
    worth = "make no clear difference" if not clear else "help" if gain > 0 else "hurt"
    together = (
        f"The auxiliary tasks ({names}) {worth}: by {wording.name(metric)}, {aided} is {difference} "
        f"{'as' if difference == 'the same' else 'than'} {plain}, the best candidate without them{by}."
    )
    return [together, *_each(found, first, metric)]


def _uses_auxiliaries(found: Search, entry: CandidateOutputs) -> bool:
    candidate = found.candidates[entry.name]
    if isinstance(candidate, NetworkCandidate | ConvCandidate):
        return "auxiliary" in candidate.options
    return candidate.family == TOGETHER or isinstance(
        candidate, InferredLabelCandidate | RivalWithAuxiliaries
    )


def _each(found: Search, entry: CandidateOutputs, metric: str) -> list[str]:
    """The candidate's score without each auxiliary, as far as the time allows."""
    names = list(found.rows.auxiliaries)
    if len(names) < 2:
        return []
    said, unmeasured, cost = [], names[MOST:], found.cost.get(entry.family, 0.0)
    for name in names[:MOST]:
        left = found.left()
        if left is not None and cost > left:
            unmeasured.append(name)
            continue
        begun = time.monotonic()
        part = _one(found, entry, name, metric)
        cost = max(cost, time.monotonic() - begun)
        said += [part] if part else []
    measured = [f"{entry.family} would be: {', '.join(said)}."] if said else []
    if unmeasured:
        measured.append(
            f"The worth of each by itself was not measured, for lack of time: {', '.join(unmeasured)}."
        )
    return measured


def _one(found: Search, entry: CandidateOutputs, name: str, metric: str) -> str:
    """How much worse the candidate is without one auxiliary, and how sure that is."""
    task, wanted = found.rows.task, found.wanted
    made = without(name, found.candidates[entry.name], found.rows, found.folds, found.seed)
    if made is None:
        return ""
    rows, candidate = made
    outputs = mean_of_repeats(task, candidate.out_of_fold(rows, found.folds, found.seed))
    outputs = at_temperature(task, outputs, temperature(task, outputs, wanted))
    change = task.score(outputs, wanted, metric) - task.score(entry.outputs, wanted, metric)
    sure = "" if _gain(found, outputs, entry.outputs, metric) else " (not clear)"
    return f"without {name} {wording.better_or_worse(change, metric)}{sure}"


def _more(curve: LearningCurve | None, metric: str) -> list[str]:
    """What a hundred more labels would buy."""
    if curve is None:
        return []
    gain, name = wording.better_or_worse(curve.gain(MORE), metric), wording.name(metric)
    scores = [wording.stated(value, metric) for value in (curve.before, curve.now)]
    half = f"with half of a fold's labels {curve.family} has {scores[0]}, with all of them {scores[1]}"
    if curve.gain(MORE) < LITTLE * max(abs(curve.now), 0.1):
        return [f"{MORE} more labels would change the {name} little: {half}."]
    return [f"{MORE} more labels would make the {name} about {gain}, if the trend continues: {half}."]
