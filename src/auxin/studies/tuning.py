"""Which of a method's tries is used: the default, unless another is better beyond its standard error."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from auxin.records.results import RunResult, Setting

SHARES = ("accuracy", "balanced_accuracy")
"""Metrics that are a share of rows, so that their sampling error over validation rows is known."""


USUAL = 0.9
"""The share of right answers at which it is asked whether validation rows can tell two settings apart."""
TELLING = 0.05
"""Validation rows are enough where the standard error of a difference is smaller than this."""


def too_few(rows: int, seeds: int, metric: str, requested: bool) -> str:
    """Why settings are not tried on these validation rows, in a sentence; "" where they are.

    A try takes the default's place only if it leads by more than the standard error of the difference. Where that is
    more than five points, as good as no try can, and nearly all of the time would go into it.

    Args:
        rows: Validation rows of a tuning run.
        seeds: tuning seeds.
        metric: What is judged by.
        requested: Whether the user asked for tries.

    >>> too_few(400, 2, "accuracy", False), too_few(20, 2, "accuracy", True)
    ('', '')
    >>> too_few(20, 2, "accuracy", False)[:55]
    'Settings are not tuned; every method uses its defaults.'
    """
    if rows < 1:
        return "There are no validation rows. Settings are not tuned; every method uses its defaults."
    error = math.sqrt(2 * USUAL * (1 - USUAL) / (rows * seeds))
    if requested or metric not in SHARES or error <= TELLING:
        return ""
    return (
        f"Settings are not tuned; every method uses its defaults. With {rows} validation rows and {seeds} tuning "
        f"seeds, only settings that differ by {100 * error:.0f} points can be distinguished. To tune anyway: --tries 4."
    )


def validation_score(run: RunResult) -> float:
    """Return a run's validation score; minus infinity for a diverged run."""
    value = run.scores.validation
    return value if value is not None and math.isfinite(value) else -math.inf


def chosen(results: Sequence[RunResult], rows: int) -> tuple[dict[str, Setting], float, str]:
    """A method's settings, their mean validation score, and what was passed over, in words.

    The first try is the default. The try with the best mean score over the tuning seeds takes its place if it is
    better by more than the standard error of the difference. A diverged run makes its try the worst; the first
    wins ties.

    Args:
        results: The method's tuning runs.
        rows: Validation rows of each.
    """
    scores: dict[str, dict[int, float]] = {}
    settings: dict[str, dict[str, Setting]] = {}
    for result in sorted(results, key=lambda r: (len(r.attempt), r.attempt)):
        scores.setdefault(result.attempt, {})[result.seed] = validation_score(result)
        settings[result.attempt] = dict(result.settings)
    means = {attempt: fmean(by_seed.values()) for attempt, by_seed in scores.items()}
    default, best = next(iter(means)), max(means, key=lambda attempt: means[attempt])
    gain = means[best] - means[default]
    if best == default or not math.isfinite(gain):
        return settings[best], means[best], ""
    error = standard_error(scores[default], scores[best], rows, results[0].metric)
    if gain > error:
        return settings[best], means[best], ""
    other = [f"{n}={v}" for n, v in settings[best].items() if settings[default].get(n) != v]
    said = f"{', '.join(other) or best} was {gain:.3g} better on validation, within the standard error {error:.2g}"
    return settings[default], means[default], said


def standard_error(first: dict[int, float], second: dict[int, float], rows: int, metric: str) -> float:
    """Of the mean difference of two tries: over seeds, or, for shares of rows, over rows, whichever is larger.

    Over rows it is that of two independent shares, sqrt(2 p (1 - p) / (rows * seeds)): the tries' errors on the
    same rows are alike, so this is on the careful side.

    >>> round(standard_error({0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.5}, 100, "accuracy"), 3)
    0.05
    >>> standard_error({0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.7}, 100, "r2")
    0.09999999999999998
    """
    seeds = sorted(first.keys() & second.keys())
    differences = [second[seed] - first[seed] for seed in seeds]
    finite = all(map(math.isfinite, differences))
    over_seeds = stdev(differences) / math.sqrt(len(seeds)) if finite and len(seeds) > 1 else 0.0
    if metric not in SHARES or rows < 1 or not finite:
        return over_seeds
    share = min(1.0, max(0.0, fmean([*first.values(), *second.values()])))
    return max(over_seeds, math.sqrt(2 * share * (1 - share) / (rows * len(seeds))))
