"""Choose a method for the data by a short comparison on validation rows, with the same tries and rows for all."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from auxin.data import Dataset
from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.records.results import Setting
from auxin.runs.applicable import applicable
from auxin.studies.budget import SPARE
from auxin.studies.compare import CompareStudy
from auxin.studies.engine import Unit, UnitResults
from auxin.studies.tuning import chosen, standard_error, validation_score

SIZES = ((3, 3), (2, 3), (2, 2), (1, 2), (1, 1))
"""Tries per method and draws of rows, the largest comparison first."""
WITH_LABELS = ("equal", "softmax", "gradient_cosine", "given")
"""Tried beside single where the data give auxiliary labels."""
WITHOUT = ("maxl", "rotation", "denoising", "masking")
"""Tried beside single where they give none."""


@dataclass(frozen=True)
class ComparisonChoice:
    """What the comparison chose.

    Attributes:
        method: The best one on validation, or single where that is not clearly worse.
        settings: The best try's settings, by method.
        scores: Each method's score on the validation rows, its best try's mean over draws.
        why: The reason, in a sentence.
        notes: What was decided for the user, and what the budget cut.
    """

    method: str
    settings: dict[str, dict[str, Setting]]
    scores: dict[str, float]
    why: str
    notes: tuple[str, ...]


def candidates(dataset: Dataset) -> list[str]:
    """The methods that are tried where none is named: those that make sense for the data, single first."""
    given = [name for name in dataset.tasks if name != dataset.main]
    offered = WITH_LABELS if given else WITHOUT
    kept = [name for name in offered if applicable(resolve(name), dataset) is None]
    if not given and len(dataset.shape) == 1:
        kept = [name for name in kept if name != "rotation"]
    if len(given) == 1:
        kept.remove("softmax")  # weights with a fixed sum have nothing to share among one
    if "given" in kept and not dataset.parents:
        kept.remove("given")  # without a task that refines the main one it is `equal` on the first auxiliary
    return ["single", *kept]


class ChooseStudy(CompareStudy):
    """A comparison that ends with a choice and sees no test row."""

    def choose(self) -> ComparisonChoice:
        """Pilot (with a budget), try, choose."""
        return self.run()  # type: ignore[return-value]

    def units(self, done: UnitResults) -> list[Unit]:
        """Pilot runs, then tuning runs, and no others: a single try is one of them."""
        return self._pilots_left(done) or self._tuning_units("comparing")

    def judge(self, done: UnitResults) -> ComparisonChoice:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The method with the best mean score on the validation rows."""
        results = [done[unit.digest] for unit in self._tuning_units()]
        rows = len(self.tuning_rows.validation)
        settings: dict[str, dict[str, Setting]] = {}
        scores: dict[str, dict[int, float]] = {}
        for name in self.methods:
            own = [run for run in results if run.method == name]
            settings[name], _, _ = chosen(own, rows)
            used = [run for run in own if dict(run.settings) == settings[name]]
            scores[name] = {run.seed: validation_score(run) for run in used}
        method, why = decide(scores, rows, results[0].metric)
        means = {name: fmean(by_seed.values()) for name, by_seed in scores.items()}
        shown = {name: value for name, value in means.items() if math.isfinite(value)}
        cuts = (f"Cut to fit the budget: {cut}." for cut in self.cuts)
        return ComparisonChoice(method, settings, shown, why, (*self.notes, *cuts))

    def _plan(self, budget: float, cost: dict[str, float]) -> None:
        """Shorten the comparison until it and the final training fit in the budget."""
        left = max(budget - (time.monotonic() - self.begun), 0.0) * SPARE
        requested = self.size
        for tries, draws in SIZES:
            draws = min(draws, requested.tuning_seeds)
            smaller = {"tries": min(tries, requested.tries), "tuning_seeds": draws}
            self.size = requested.model_copy(update=smaller)
            runs = self.size.tries * self.size.tuning_seeds
            final = 2 * max(cost.values())
            if sum(cost.values()) * runs / self.jobs + final <= left:
                break
        if requested != self.size:
            tries = f"{self.size.tries} of {requested.tries} settings per method"
            self.cuts = [f"{tries}, {self.size.tuning_seeds} of {requested.tuning_seeds} draws of rows"]


def decide(scores: Mapping[str, Mapping[int, float]], rows: int, metric: str) -> tuple[str, str]:
    """Return the best method, or single-task training if the lead is within the standard error of the difference.

    >>> decide({"single": {0: 0.8, 1: 0.8}, "maxl": {0: 0.81, 1: 0.81}}, 100, "accuracy")[0]
    'single'
    >>> decide({"single": {0: 0.8, 1: 0.8}, "maxl": {0: 0.9, 1: 0.9}}, 100, "accuracy")[0]
    'maxl'
    """
    means = {name: fmean(by_seed.values()) for name, by_seed in scores.items()}
    best = max(means, key=lambda name: (means[name], name == "single"))
    if means[best] == -math.inf:
        raise ConfigError("Every training run diverged", do="Lower the learning rate: --set lr=0.003")
    count = len(scores["single"])
    over = f"over {'one draw' if count == 1 else f'{count} draws'} of validation rows"
    if best == "single":
        return best, f"no method scored better than single-task training ({_score_text(means[best])}) {over}"
    comparison = f"{best} scored {_score_text(means[best])}, single {_score_text(means['single'])}, {over}"
    gain = means[best] - means["single"]
    error = standard_error(dict(scores["single"]), dict(scores[best]), rows, metric)
    if math.isfinite(gain) and gain <= error:
        return "single", f"{comparison}: the difference is within its standard error of {error:.2g}"
    return best, comparison


def _score_text(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "a diverged run"
