"""Which candidate is kept, and how good it is once the choice itself is accounted for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from auxin.fitting.blend import greedy
from auxin.fitting.process import PROCESSES
from auxin.fitting.rows import Folds
from auxin.fitting.scores import at_temperature, is_numbers, pooled, standard_error, temperature
from auxin.fitting.scores import losses as losses_of
from auxin.tasks.base import Task

BLEND = "blend"
TIGHT = 0.25
"""A simpler candidate is kept where it is worse than the best by less than this share of the standard error."""
CLEARLY = 3.0
"""Standard errors by which Gaussian processes may be worse than the best other candidate."""


@dataclass(frozen=True, eq=False)
class CandidateOutputs:
    """One candidate's out-of-fold outputs.

    Attributes:
        name: the candidate's name.
        family: the candidates that it competes with for one place in the blend.
        simplicity: a tie goes to the lower.
        outputs: for every labelled row, [n, width].
        loss: of every labelled row, [n].
        heat: the temperature that `outputs` are at already.
        plain: the outputs before that, [n, width]; None where there is no temperature.
    """

    name: str
    family: str
    simplicity: int
    outputs: Tensor
    loss: np.ndarray
    heat: float = 1.0
    plain: Tensor | None = None

    @classmethod
    def of(
        cls,
        task: Task,
        name: str,
        family: str,
        simplicity: int,
        plain: Tensor,
        wanted: Tensor,
        rows: np.ndarray | None = None,
    ) -> "CandidateOutputs":
        """Outputs at the temperature that suits the labels `wanted` of `rows` (all where not given)."""
        index = torch.arange(len(wanted)) if rows is None else torch.from_numpy(rows)
        heat = temperature(task, plain[index], wanted[index])
        outputs = at_temperature(task, plain, heat)
        return cls(name, family, simplicity, outputs, losses_of(task, outputs, wanted), heat, plain)

    def by(self, task: Task, wanted: Tensor, rows: np.ndarray) -> "CandidateOutputs":
        """The same at the temperature that suits the labels of these rows."""
        if self.plain is None or is_numbers(task):
            return self
        return self.of(task, self.name, self.family, self.simplicity, self.plain, wanted, rows)


@dataclass(frozen=True, eq=False)
class ModelChoice:
    """What was chosen.

    Attributes:
        kept: the entries that predict together; one where a single candidate was kept.
        weights: theirs.
        heat: the temperature of the blend.
        outputs: its out-of-fold outputs, [n, width].
        blended: whether a blend was kept.
        best: the best of each family, by family.
    """

    kept: tuple[CandidateOutputs, ...]
    weights: tuple[float, ...]
    heat: float
    outputs: Tensor
    blended: bool
    best: dict[str, CandidateOutputs]


Rank = Callable[[Tensor, np.ndarray], tuple[float, float]]
"""How good outputs are on the rows that decide: the greater, the better."""


def best_of_families(
    entries: Sequence[CandidateOutputs], rows: np.ndarray, rank: Rank | None = None
) -> dict[str, CandidateOutputs]:
    """Of each family the entry that ranks highest on these rows, by default by its mean loss; the first of equals."""
    rank = rank or (lambda _, loss: (0.0, -float(loss.mean())))
    found: dict[str, CandidateOutputs] = {}
    for entry in sorted(entries, key=lambda e: rank(e.outputs, e.loss[rows]), reverse=True):
        found.setdefault(entry.family, entry)
    return {entry.family: found[entry.family] for entry in entries}


def ranking(task: Task, truth: Tensor, index: Tensor, metric: str | None) -> Rank:
    """By the user's metric, and by the mean loss where that is equal; by the mean loss alone where none is given."""

    def rank(outputs: Tensor, loss: np.ndarray) -> tuple[float, float]:
        score = 0.0 if metric is None else task.score(outputs[index], truth, metric)
        return score if np.isfinite(score) else -np.inf, -float(loss.mean())

    return rank


def simplest(
    losses: Mapping[str, np.ndarray],
    simplicity: Mapping[str, int],
    groups: np.ndarray | None = None,
) -> str:
    """The simplest candidate that is not worse than the best by `TIGHT` standard errors of the paired difference.

    >>> losses = {"forest": np.array([0.1, 0.2, 0.3, 0.2]), "line": np.array([0.1, 0.3, 0.2, 0.2001])}
    >>> simplest(losses, {"forest": 5, "line": 1})
    'line'
    >>> simplest({**losses, "line": losses["forest"] + 0.1}, {"forest": 5, "line": 1})
    'forest'
    """
    best = min(losses, key=lambda name: losses[name].mean())
    close = [
        name
        for name, loss in losses.items()
        if loss.mean() - losses[best].mean() <= TIGHT * standard_error(loss, losses[best], groups)
    ]
    return min([*close, best], key=lambda name: (simplicity[name], losses[name].mean()))


def choose(
    task: Task,
    entries: Sequence[CandidateOutputs],
    wanted: Tensor,
    rows: np.ndarray,
    *,
    seed: int = 0,
    metric: str | None = None,
    groups: np.ndarray | None = None,
) -> ModelChoice:
    """What is kept: a choice among all candidates but Gaussian processes, and these with half of the weight.

    A hundred labels do not tell weights well, and on development data the mean of both was better than a search for
    weights over all (`docs/benchmarks/panel.md`). Without the half are processes whose loss is worse than that of
    the best other candidate by more than `CLEARLY` standard errors, or, where a constant guess was chosen, not better
    by a share `TIGHT` of one.
    With a user's metric every candidate is chosen by it alike.

    Args:
        task: the main task.
        entries: every candidate's out-of-fold outputs.
        wanted: the targets of the labelled rows, [n].
        rows: the labelled rows that decide.
        seed: of the blend's bags.
        metric: the user's; None: the loss.
        groups: the group of every labelled row, [n]; None: every row is by itself.
    """
    given = {"seed": seed, "metric": metric, "groups": groups}
    others = [entry for entry in entries if entry.family not in PROCESSES]
    if metric is not None or not others or len(others) == len(entries):
        return choose_alike(task, entries, wanted, rows, **given)
    first, best = choose_alike(task, others, wanted, rows, **given), best_of_families(entries, rows)
    processes = [entry for family, entry in best.items() if family in PROCESSES]
    index, truth = torch.from_numpy(rows), wanted[torch.from_numpy(rows)]
    mean = pooled(task, [entry.outputs for entry in processes])
    guess = [entry.simplicity for entry in first.kept] == [0]
    rest = [entry for family, entry in best.items() if family not in PROCESSES]
    rival = first.kept[0] if guess else min(rest, key=lambda entry: entry.loss[rows].mean())
    lost, least = losses_of(task, mean[index], truth), rival.loss[rows]
    error = standard_error(lost, least, None if groups is None else groups[rows])
    if lost.mean() - least.mean() >= (-TIGHT if guess else CLEARLY) * error:
        return replace(first, best=best)
    kept = (*first.kept, *processes)
    weights = (*(w / 2 for w in first.weights), *(1 / 2 / len(processes) for _ in processes))
    both = pooled(task, [entry.outputs for entry in kept], np.array(weights))
    heat = temperature(task, both[index], truth)
    return ModelChoice(kept, weights, heat, at_temperature(task, both, heat), True, best)


def choose_alike(
    task: Task,
    entries: Sequence[CandidateOutputs],
    wanted: Tensor,
    rows: np.ndarray,
    *,
    blend: bool = True,
    seed: int = 0,
    metric: str | None = None,
    groups: np.ndarray | None = None,
) -> ModelChoice:
    """The best of every family, their blend, and of these the simplest that is about as good as the best.

    With a user's metric, the one that is best by it, whether simple or not; of equals, the one with the lower loss.

    Args:
        task: the main task.
        entries: every candidate's out-of-fold outputs.
        wanted: the targets of the labelled rows, [n].
        rows: the labelled rows that decide.
        blend: whether a blend may be kept.
        seed: of the blend's bags.
        metric: the user's; None: the loss.
        groups: the group of every labelled row, [n]; None: every row is by itself.
    """
    index, truth = torch.from_numpy(rows), wanted[torch.from_numpy(rows)]
    rank = ranking(task, truth, index, metric)
    best = best_of_families(entries, rows, rank)
    loss = {family: entry.loss[rows] for family, entry in best.items()}
    simple = {family: entry.simplicity for family, entry in best.items()}
    blended: Tensor | None = None
    weights = np.zeros(len(best))
    if blend and len(best) > 1:
        weights = greedy(task, [entry.outputs[index] for entry in best.values()], truth, seed)
        if (weights > 0).sum() > 1:
            blended = pooled(task, [entry.outputs for entry in best.values()], weights)
            loss[BLEND], simple[BLEND] = losses_of(task, blended[index], truth), 9
    name = simplest(loss, simple, groups=None if groups is None else groups[rows])
    if metric is not None:
        outputs = {family: entry.outputs for family, entry in best.items()}
        outputs |= {} if blended is None else {BLEND: blended}
        name = max(loss, key=lambda one: rank(outputs[one], loss[one]))
    if name == BLEND and blended is not None:
        pairs = [(e, float(w)) for e, w in zip(best.values(), weights, strict=True) if w > 0]
        chosen, kept = blended, tuple(e for e, _ in pairs)
        shares = tuple(w for _, w in pairs)
    else:
        chosen, kept, shares = best[name].outputs, (best[name],), (1.0,)
    heat = temperature(task, chosen[index], truth) if len(kept) > 1 else 1.0
    return ModelChoice(kept, shares, heat, at_temperature(task, chosen, heat), name == BLEND, best)


def corrected(
    task: Task,
    entries: Sequence[CandidateOutputs],
    wanted: Tensor,
    folds: Folds,
    metric: str | None = None,
    groups: np.ndarray | None = None,
) -> Tensor:
    """Out-of-fold outputs of the choice itself: each fold's rows by what the other folds' rows would have chosen.

    What was chosen because it looked best on some rows looks too good on those rows. Here tries, weights and
    temperatures for a row are chosen without that row's label, [n, width]. Which candidates there are is not: further
    tries are those of the families that lead on all rows, and labels are inferred by what infers best on all rows.
    """
    found = torch.zeros_like(entries[0].outputs)
    for fold in range(folds.count):
        held = folds.parts[0] == fold
        others = np.flatnonzero(~held)
        own = [entry.by(task, wanted, others) for entry in entries]
        choice = choose(task, own, wanted, others, seed=fold, metric=metric, groups=groups)
        found[torch.from_numpy(held)] = choice.outputs[torch.from_numpy(held)].to(found)
    return found
