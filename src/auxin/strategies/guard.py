"""Validation decides between the method and single-task training; ties go to single."""

import math

from auxin.methods.base import Method
from auxin.strategies.base import SINGLE, Decision, Job, Outcome, Run, Strategy, unless_diverged, usable
from auxin.strategies.joint import Joint
from auxin.training.loop import Diverged


class Guard(Strategy):
    """Train the method and the main task alone without the validation rows, and keep the one that is better on them.

    Both have the same settings, rows, initial shared weights and number of steps. A network that diverged loses. In a
    final run, whose other methods train on the validation rows as well, the winner is then trained afresh on them too.

    Args:
        inner: The strategy by which the method is trained.
        margin: The method must be better by more than this (in the metric's own unit) to be kept.
    """

    wraps = True
    needs_validation = True

    def __init__(self, inner: Strategy | None = None, margin: float = 0.0) -> None:
        self.inner = inner if inner is not None else Joint()
        self.margin = margin

    @classmethod
    def why_not(cls, method: Method) -> str | None:
        """Refuse a method without an auxiliary, which leaves nothing to decide."""
        return (
            None if method.auxiliary else "it is single-task training already, so there is nothing to decide"
        )

    def refuse(self, run: Run) -> None:
        """Where its inner strategy does."""
        self.inner.refuse(run)

    def follow(self, job: Job) -> Outcome:
        """Train both, decide, and keep one."""
        tried, alone = job.within("method", hold=True), job.within("single", hold=True)
        method = unless_diverged(self.inner.follow, tried)
        single = unless_diverged(_single, alone)
        scores = {job.name: _score(tried, method), "single": _score(alone, single)}
        better = usable(scores[job.name]) - usable(scores["single"]) > self.margin
        kept, outcome = (job.name, method) if better else ("single", single)
        if outcome is None:
            raise Diverged("Training diverged, both with the auxiliaries and without them.")
        decision = Decision(kept, scores, _sentence(kept, scores, self.margin))
        if job.refit and not (better and self.inner.holds_validation):
            again = job.within("kept")
            outcome = self.inner.follow(again) if better else _single(again)
        return Outcome(outcome.run, (decision.sentence, *outcome.notes), decision)


def _single(job: Job) -> Outcome:
    return Outcome(job.fresh(job.phase(method=SINGLE)))


def _score(job: Job, outcome: Outcome | None) -> float:
    return math.nan if outcome is None else job.score(outcome.run)


def _sentence(kept: str, scores: dict[str, float], margin: float) -> str:
    (method, single) = scores
    told = {name: f"{value:.4f}" if math.isfinite(value) else "diverged" for name, value in scores.items()}
    against = f"{method} scored {told[method]} on the validation rows, single {told[single]}"
    if kept == single and scores[method] == scores[single]:
        return f"single is kept: {against}, and ties go to single."
    if kept == single and scores[method] > scores[single]:
        return f"single is kept: {against}, which is not better by more than {margin:g}."
    return f"{kept} is kept: {against}."
