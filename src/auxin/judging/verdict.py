"""The verdict of a comparison: does an auxiliary help here, by how much, how sure.

A method on trial must beat single-task training *and* the best control, which is chosen on validation: it is
judged by the harder of the two. A control is judged against single-task training, and a learned method is also
compared with its own untrained twin. `helps` needs a Holm-adjusted paired p below 0.05 and a positive
difference. The correction counts the methods on trial that share a reference, and apart from them the controls, so that
running more controls costs a claim nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auxin.errors import RunError, message
from auxin.judging import wording
from auxin.judging.paired import ENOUGH_SEEDS, bootstrap, holm, paired, standard_error
from auxin.judging.sentence import sentence
from auxin.judging.weighted import Resamples
from auxin.records.results import Comparison, Contrast, Half, Row, RunResult, Verdict
from auxin.runs.predictions import MainPredictions

SIGNIFICANT = 0.05
SINGLE = "single"
"""The name of single-task training."""

_WORST_FIRST: tuple[Verdict, ...] = ("hurts", "no evidence", "no evidence (one seed)", "helps")
_BLIND = (
    "No settings were chosen on validation rows, so the best control, {best}, was chosen on the reported rows. "
    "It is harder to beat than a control chosen beforehand."
)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The final runs of a comparison, by method and seed, with a usable score for each."""

    runs: dict[str, dict[int, RunResult]]
    scores: dict[str, dict[int, float]]
    raw: dict[str, dict[int, float]]
    half: Half
    resamples: Resamples


def judge(
    runs: Sequence[RunResult],
    *,
    validation: Mapping[str, float],
    controls: Collection[str] = (),
    twins: Mapping[str, str] | None = None,
    half: Half = "development",
    chance: float = 0.0,
    predictions: Mapping[tuple[str, int], MainPredictions] | None = None,
    **about: Any,
) -> Comparison:
    """Turn final runs into a comparison with verdicts.

    A run that diverged (its score is not finite) counts as the worst possible: `chance`, or the worst finite
    score of the whole comparison where that is lower still. Leaving it out would reward instability. The row
    says so.

    Args:
        runs: One run per method and seed, each with a score on `half`.
        validation: Each method's validation score, by which the best control is chosen.
        controls: Which methods are controls; `single` always is one.
        twins: Learned method -> its untrained twin.
        half: Which half of the test rows is judged.
        chance: The score of a guess, for diverged runs.
        predictions: By method and seed what was predicted on that half, for the bootstrap over rows of a metric
            that is no mean over them.
        about: Further fields of `Comparison` (`splits`, `command`, `cuts`, `tries`, `versions` ...).

    Raises:
        RunError: runs of one seed have different splits, runs differ in data set or metric, a score is
            missing, or there are no runs.
    """
    evidence = _evidence(runs, half, chance, Resamples(runs[0].metric if runs else "", predictions or {}))
    controls = {SINGLE, *controls} & set(evidence.runs)
    named = sorted((m for m in evidence.runs if m in controls), key=lambda m: m != SINGLE)
    chosen = {m: validation.get(m, float("nan")) for m in named}
    blind = not any(np.isfinite(value) for value in chosen.values())
    best = best_control({m: _mean(evidence.scores[m].values()) for m in named} if blind else chosen)
    rows = _rows(evidence, validation, controls, twins or {}, best)
    metric, seeds = runs[0].metric, sorted({run.seed for run in runs})
    warnings = [
        *([_BLIND.format(best=best)] if len(named) > 1 and blind else []),
        *_table_warnings(rows, len(seeds), metric, chance),
    ]
    return Comparison(
        dataset=runs[0].dataset,
        metric=metric,
        half=half,
        sentence=sentence(rows, metric),
        rows=rows,
        best_control=best,
        seeds=seeds,
        split_hashes={run.seed: run.split_hash for run in runs},
        warnings=warnings,
        **about,
    )


def _table_warnings(rows: Sequence[Row], seeds: int, metric: str, chance: float) -> list[str]:
    """Sentences on too few seeds, and on methods that are all no better than a guess."""
    found = []
    if seeds < ENOUGH_SEEDS:
        found.append(f"{seeds} seed{'s' * (seeds > 1)}; a claim needs at least {ENOUGH_SEEDS}.")
    if max(row.mean for row in rows) <= chance:
        shown = f"{wording.name(metric)} {wording.mean(chance, None, metric)}"
        found.append(f"No method does better than a guess that looks at no input ({shown}).")
    return found


def best_control(validation: Mapping[str, float]) -> str | None:
    """The control with the best validation score; the first named of equals; a number before NaN.

    >>> best_control({"single": 0.90, "equal": 0.92, "maxl_frozen": float("nan")})
    'equal'
    """
    known = {name: -np.inf if np.isnan(score) else score for name, score in validation.items()}
    return max(known, key=lambda name: known[name], default=None)


def check_comparable(runs: Sequence[RunResult]) -> None:
    """Refuse runs that must not stand in one table.

    Raises:
        RunError: There are none; they differ in data set or metric; or runs of one seed have different
            splits.
    """
    if not runs:
        raise RunError("There are no finished runs to compare", do="Run `auxin compare` first")
    for name in ("dataset", "metric"):
        found = sorted({getattr(run, name) for run in runs})
        if len(found) > 1:
            what = f"The runs are not comparable: they differ in their {name}"
            raise RunError(what, found=", ".join(found))
    hashes: dict[int, RunResult] = {}
    for run in runs:
        first = hashes.setdefault(run.seed, run)
        if first.split_hash != run.split_hash:
            raise RunError(
                f"The runs of seed {run.seed} are not comparable: their splits differ",
                expected="the same rows for every method",
                found=f"{first.method} on {first.split_hash[:12]}, {run.method} on {run.split_hash[:12]}",
                do="Compare methods only within one output folder of one command",
            )


def _evidence(runs: Sequence[RunResult], half: Half, chance: float, resamples: Resamples) -> _Evidence:
    check_comparable(runs)
    by_method: dict[str, dict[int, RunResult]] = {}
    for run in runs:
        seeds = by_method.setdefault(run.method, {})
        if run.seed in seeds:
            raise RunError(message(f"There are two final runs of {run.method} with seed {run.seed}"))
        seeds[run.seed] = run
    raw = {m: {s: _score(run, half) for s, run in sorted(seeds.items())} for m, seeds in by_method.items()}
    finite = [v for seeds in raw.values() for v in seeds.values() if np.isfinite(v)]
    worst = min([chance, *finite])
    scores = {m: {s: v if np.isfinite(v) else worst for s, v in seeds.items()} for m, seeds in raw.items()}
    return _Evidence(by_method, scores, raw, half, resamples)


def _score(run: RunResult, half: Half) -> float:
    score = getattr(run.scores, half)
    if score is None:
        raise RunError(f"The run of {run.method} with seed {run.seed} has no score on the {half} rows.")
    return score


def _rows(
    evidence: _Evidence,
    validation: Mapping[str, float],
    controls: Collection[str],
    twins: Mapping[str, str],
    best: str | None,
) -> list[Row]:
    methods = sorted(evidence.runs, key=lambda m: (m != SINGLE, m not in controls))
    trial = [m for m in methods if m not in controls]
    versus_single = _contrasts(evidence, {m: SINGLE for m in methods if m in controls})
    versus_single |= _contrasts(evidence, dict.fromkeys(trial, SINGLE))
    versus_control = _contrasts(evidence, dict.fromkeys(trial, best))
    versus_twin = _contrasts(evidence, {m: twins.get(m) for m in methods})
    single = _mean(r.seconds for r in evidence.runs[SINGLE].values()) if SINGLE in evidence.runs else None
    rows = []
    for m in methods:
        judged = less_favourable(versus_single.get(m), versus_control.get(m))
        runs, scores = list(evidence.runs[m].values()), list(evidence.scores[m].values())
        seconds, steps = _mean(run.seconds for run in runs), [r.steps for r in runs if r.steps is not None]
        kept = Counter(run.decision.kept for run in runs if run.decision is not None)
        row = Row(
            method=m,
            role="single" if m == SINGLE else "control" if m in controls else "method",
            mean=_mean(scores),
            standard_error=standard_error(scores),
            scores=evidence.raw[m],
            validation=validation.get(m),
            versus_single=versus_single.get(m),
            versus_control=versus_control.get(m),
            versus_twin=versus_twin.get(m),
            verdict=judged.verdict if judged else "reference",
            judged_by=judged.reference if judged else None,
            seconds_per_run=seconds,
            overhead=seconds / single if single is not None else None,
            steps=_mean(steps) if steps else None,
            settings=runs[0].settings,
            kept=dict(kept.most_common()),
            warnings=_warnings(evidence, m, [versus_single.get(m), versus_control.get(m)]),
        )
        rows.append(row)
    return rows


def less_favourable(first: Contrast | None, second: Contrast | None) -> Contrast | None:
    """The contrast with the worse verdict; of equal verdicts, the one with the smaller difference."""
    known = [contrast for contrast in (first, second) if contrast is not None]
    return min(known, key=lambda c: (_WORST_FIRST.index(c.verdict), c.difference), default=None)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean([*values]))


def _contrasts(evidence: _Evidence, references: Mapping[str, str | None]) -> dict[str, Contrast]:
    """Each method against its reference, Holm-corrected over them all."""
    pairs = {m: r for m, r in references.items() if r in evidence.runs and r != m and _common(evidence, m, r)}
    results = {}
    for m, r in pairs.items():
        seeds = _common(evidence, m, r)
        results[m] = paired(*([evidence.scores[name][s] for s in seeds] for name in (m, r)))
    adjusted = holm({m: result.p for m, result in results.items()})
    found = {}
    for m, r in pairs.items():
        low, high = _over_rows(evidence, m, r) or (None, None)
        found[m] = Contrast(
            reference=r,
            **results[m]._asdict(),
            p_adjusted=adjusted[m],
            rows_low=low,
            rows_high=high,
            verdict=word(results[m].difference, adjusted[m]),
        )
    return found


def _common(evidence: _Evidence, method: str, reference: str) -> list[int]:
    return [seed for seed in evidence.scores[method] if seed in evidence.scores[reference]]


def _over_rows(evidence: _Evidence, method: str, reference: str) -> tuple[float, float] | None:
    seeds = _common(evidence, method, reference)
    a = [evidence.runs[method][s].correct.get(evidence.half, []) for s in seeds]
    b = [evidence.runs[reference][s].correct.get(evidence.half, []) for s in seeds]
    if any(not x or len(x) != len(y) for x, y in zip(a, b, strict=True)):
        return evidence.resamples.interval(method, reference, seeds)
    return bootstrap(a, b) if np.isfinite(np.concatenate([*a, *b])).all() else None


def word(difference: float, p_adjusted: float | None) -> Verdict:
    """The one word for a difference and its Holm-adjusted p-value (None: there is one seed only).

    >>> word(0.01, 0.03), word(0.01, 0.3), word(-0.01, 0.03), word(0.5, None)
    ('helps', 'no evidence', 'hurts', 'no evidence (one seed)')
    """
    if p_adjusted is None:
        return "no evidence (one seed)"
    if not p_adjusted < SIGNIFICANT:
        return "no evidence"
    return "helps" if difference > 0 else "hurts"


def _warnings(evidence: _Evidence, method: str, contrasts: Sequence[Contrast | None]) -> list[str]:
    metric = next(iter(evidence.runs[method].values())).metric
    diverged = [s for s, v in evidence.raw[method].items() if not np.isfinite(v)]
    found = wording.merged([text for run in evidence.runs[method].values() for text in run.warnings])
    if diverged:
        counted = wording.score(evidence.scores[method][diverged[0]], metric)
        seeds = ", ".join(map(str, diverged))
        found.append(f"Diverged with seed {seeds}; counted as {counted}, the worst possible.")
    for contrast in filter(None, contrasts):
        missing = sorted(set(evidence.raw[contrast.reference]) - set(evidence.raw[method]))
        if missing:
            found.append(f"Seeds {', '.join(map(str, missing))} did not run; compared over the common seeds.")
        if contrast.seeds > 1 and contrast.low is None:
            same = f"Every seed gave the same difference to {contrast.reference}"
            found.append(f"{same}: no interval, sign test.")
    return list(dict.fromkeys(found))
