"""What the auxiliary tasks are worth: all of them together, and each by itself."""

import time

from auxin.fitting.auxiliaries import InferredLabelCandidate, without
from auxin.fitting.blend import mean_of_repeats
from auxin.fitting.choose import CandidateOutputs, ModelChoice
from auxin.fitting.images import ConvCandidate
from auxin.fitting.network import NetworkCandidate
from auxin.fitting.process import TOGETHER
from auxin.fitting.scores import at_temperature, is_numbers, standard_error, temperature, worse_by
from auxin.fitting.search import Search
from auxin.fitting.stacked import RivalWithAuxiliaries
from auxin.judging import wording

MOST = 6
"""So many auxiliary tasks are left out one by one at most."""


def auxiliaries(found: Search, choice: ModelChoice, metric: str) -> list[str]:
    """Sentences: the best candidate with auxiliaries against the best without, and that one without each of them."""
    uses = {family for family, entry in choice.best.items() if _uses_auxiliaries(found, entry)}
    if not uses:
        return []
    least = lambda names: min(names, key=lambda n: choice.best[n].loss.mean())  # noqa: E731
    aided, plain = least(uses), least(set(choice.best) - uses)
    first, second = choice.best[aided], choice.best[plain]
    score = found.rows.task.score
    lost, gone = (worse_by(found.rows.task, one.outputs, found.wanted, metric) for one in (first, second))
    gain, error = gone.mean() - lost.mean(), standard_error(lost, gone, found.rows.of_groups)
    scores = [score(one.outputs, found.wanted, metric) for one in (first, second)]
    difference = wording.better_or_worse(scores[0] - scores[1], metric)
    names = ", ".join(found.rows.auxiliaries)
    clear = abs(gain) > 2 * error and difference != "the same"
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
    loss, own = (worse_by(task, one, wanted, metric) for one in (outputs, entry.outputs))
    clear = abs(loss.mean() - own.mean()) > 2 * standard_error(loss, own, found.rows.of_groups)
    return f"without {name} {wording.better_or_worse(change, metric)}{'' if clear else ' (not clear)'}"
