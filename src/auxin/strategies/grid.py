"""Constant weights for the auxiliary losses, chosen on validation from a grid."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from auxin.errors import ConfigError
from auxin.methods.base import Method
from auxin.strategies.base import Decision, Job, Outcome, Phase, Run, Strategy, unless_diverged, usable
from auxin.training.loop import Diverged


class Grid(Strategy):
    """Train once per set of static weights, the validation rows held out, and keep the best on them.

    This is the control that learned weights have to beat. A diverged try loses; of equals
    the smaller weights are kept. In a final run, whose other methods train on the validation rows as well, the chosen
    weights are then trained with afresh on them too.

    Args:
        values: The weights tried, with commas.
        limit: Every combination of values over the auxiliaries is tried where there are at most so many; else one
            weight for all of them.

    Raises:
        ConfigError: A value is no number of at least 0.
    """

    default = ("equal", "maxl_frozen")
    needs_validation = True
    tuning = ({},)

    def __init__(self, values: str | float = "0,0.1,0.3,1,3", limit: int = 9) -> None:
        try:
            found = sorted({float(value) for value in str(values).split(",")})
        except ValueError:
            found = [math.nan]
        if not all(0 <= value < math.inf for value in found):
            wrong = f"The grid's values {values!r} cannot be used"
            raise ConfigError(wrong, expected="weights with commas, such as 0,0.3,1")
        self.values, self.limit = found, limit

    @classmethod
    def why_not(cls, method: Method) -> str | None:
        """Refuse methods whose weights or labels are learned."""
        if not method.auxiliary:
            return "there is no auxiliary loss to give a weight to"
        return (
            None
            if method.estimator is None
            else "its weights or labels are learned, and a grid holds them constant"
        )

    def follow(self, job: Job) -> Outcome:
        """Train with each, and keep the best one."""
        names = job.build(job.phase()).state.learner.criterion.names[1:]
        scores: dict[str, float] = {}
        best: tuple[str, tuple[float, ...], Run] | None = None
        for weights in self._points(len(names)):
            label = ", ".join(f"{n}={w:g}" for n, w in zip(names, weights, strict=True))
            held = job.within(f"try-{len(scores) + 1}", hold=True)
            run = unless_diverged(held.fresh, _phase(held, "run", weights))
            scores[label] = math.nan if run is None else held.score(run)
            if run is not None and (best is None or usable(scores[label]) > usable(scores[best[0]])):
                best = (label, weights, run)
        if best is None:
            raise Diverged("Training diverged with every weight of the grid.")
        label, weights, run = best
        decision = Decision(
            label, scores, f"{label} is kept: {_scores_in_words(scores)} on the validation rows."
        )
        if job.refit:
            run = job.fresh(_phase(job, "kept", weights))
        return Outcome(run, (decision.sentence,), decision)

    def _points(self, count: int) -> list[tuple[float, ...]]:
        if len(self.values) ** count <= self.limit:
            return sorted(product(self.values, repeat=count), key=lambda weights: (sum(weights), weights))
        return [(value,) * count for value in self.values]


def _phase(job: Job, name: str, weights: Sequence[float]) -> Phase:
    given = ",".join(f"{weight:g}" for weight in weights)
    method = replace(job.method, combiner="static")
    return job.phase(name, method=method, settings={"combiner.weights": given})


def _scores_in_words(scores: dict[str, float]) -> str:
    return "; ".join(f"{n} {f'{s:.4f}' if math.isfinite(s) else 'diverged'}" for n, s in scores.items())
