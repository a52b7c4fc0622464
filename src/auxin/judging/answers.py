"""Answers from a comparison: whether to use an auxiliary, which one, how much better, how sure, at what cost,
and the command that trains it for use.
"""

import shlex
from collections.abc import Mapping

from auxin.judging import wording
from auxin.judging.paired import ENOUGH_SEEDS
from auxin.records.results import Comparison, Contrast, Row
from auxin.requests.data import DataSpec
from auxin.requests.option import flag

Answers = list[tuple[str, str]]


DATA = {"--aux-kind", "--labels-per-class"} | {
    flag(name, info)
    for name, info in DataSpec.model_fields.items()
    if name not in ("name", "domain") and info.annotation is not bool
}
"""Options that name the data; each takes one value, and `auxin fit` has them too."""
NUMBERS = frozenset({"r2", "rmse"})
"""Metrics of main tasks that are never classes."""


def answers(comparison: Comparison, worths: Mapping[str, str] | None = None) -> Answers:
    """The questions with their answers, the most important first.

    Args:
        comparison: any comparison, finished or not.
        worths: what each method's labels are worth in labels of single-task training, where several numbers of labels
            were compared.

    Returns:
        Pairs of a question and its answer. There are none where nothing was compared with single-task training.
    """
    others = [row for row in comparison.rows if row.versus_single is not None]
    if not others:
        return []
    helpful = [row for row in others if row.verdict == "helps"]
    best = max(helpful or others, key=lambda row: row.mean)
    return [
        ("Should I use anything beside single-task training?", _should(helpful, best, comparison)),
        ("Which?", _which(best, helpful)),
        ("How much better is it?", _effect(best, comparison.metric)),
        ("How sure is that?", _certainty(best, comparison)),
        ("What does it cost?", _cost(best)),
        ("What is it worth in labels?", _worth(comparison, best.method, worths or {})),
    ]


def _should(helpful: list[Row], best: Row, comparison: Comparison) -> str:
    if helpful:
        return "Yes."
    if len(comparison.seeds) < ENOUGH_SEEDS:
        return f"Not known: {_counted(len(comparison.seeds), 'seed')} cannot decide it. Run at least {ENOUGH_SEEDS}."
    assert best.versus_single is not None
    if best.versus_single.verdict == "helps":
        return (
            f"Not shown. {best.method} is better than single-task training, but it is not shown to be better than "
            f"{best.judged_by}, the best control, which learns nothing of the learning signal."
        )
    low, p = best.versus_single.low, best.versus_single.p_adjusted
    if low is not None and low > 0 and p is not None:
        return (
            f"Not shown. The interval of {best.method} alone excludes zero, but several methods were tried, and the "
            f"best of several looks good by chance: corrected for their number (Holm), p is {p:.3f}, above 0.05."
        )
    return "No. Nothing that was tried is better than single-task training beyond the noise of these rows."


def _which(best: Row, helpful: list[Row]) -> str:
    if not helpful:
        return f"Nothing is shown to help. {best.method} has the highest mean of what was tried."
    others = sorted((row for row in helpful if row is not best), key=lambda row: -row.mean)
    also = f" These help as well: {', '.join(row.method for row in others)}." if others else ""
    kind = "It is a control: it learns nothing of the learning signal." if best.role == "control" else ""
    return f"{best.method}. {kind}".strip() + also


def _effect(best: Row, metric: str) -> str:
    assert best.versus_single is not None
    parts = [_against(best.versus_single, metric)]
    parts += [_against(c, metric) for c in (best.versus_control, best.versus_twin) if c is not None]
    return f"{best.method}: {'; '.join(dict.fromkeys(parts))}."


def _against(contrast: Contrast, metric: str) -> str:
    return f"{wording.contrast(contrast, metric)} {wording.unit(metric)} over {contrast.reference}"


def _certainty(best: Row, comparison: Comparison) -> str:
    contrast = best.versus_single
    assert contrast is not None
    parts = [f"{_counted(contrast.seeds, 'seed')}, paired; the brackets are 95 % intervals over seeds"]
    if contrast.p_adjusted is not None:
        parts.append(f"p = {contrast.p_adjusted:.3f} after Holm's correction")
    rows = wording.interval(contrast.rows_low, contrast.rows_high, comparison.metric)
    if rows:
        parts.append(f"over test rows {rows}")
    half = "development rows: --confirm opens the other half, once"
    if comparison.half == "confirmation":
        half = "confirmation rows, which were opened once"
    return f"{'; '.join(parts)}. These are {half}."


def _cost(best: Row) -> str:
    time = f" {best.overhead:.2g} times the training time of single-task training." if best.overhead else ""
    return f"Nothing at prediction: only the main task's model is kept.{time}"


def _worth(comparison: Comparison, method: str, worths: Mapping[str, str]) -> str:
    if comparison.metric in NUMBERS:
        return "Not measured: a label budget counts labels per class, and the main task has no classes."
    labels = comparison.splits.get("labels per class")
    if method in worths:
        return (
            f"{labels} labels per class with {method} are worth {worths[method]} of single-task training's."
        )
    counts = (labels, 2 * labels, 4 * labels) if isinstance(labels, int) else (5, 10, 20)
    several = ",".join(map(str, counts))
    return f"Not measured. Run with --labels-per-class {several} to express the gain as additional labels."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def to_use(comparison: Comparison) -> str:
    """Which row to use, with the command; "" where there is no row or no command line of `auxin compare`.

    A method that is shown to help is used, the one with the highest mean of several; else single-task training.

    Args:
        comparison: any comparison, finished or not.
    """
    words = shlex.split(comparison.command)
    if not comparison.rows or words[:2] != ["auxin", "compare"] or len(words) < 3 or words[2].startswith("-"):
        return ""
    helpful = [row for row in comparison.rows if row.verdict == "helps"]
    name = max(helpful, key=lambda row: row.mean).method if helpful else "single"
    kept = [words[2]]
    for place, word in enumerate(words[3:], start=3):
        option, mark, _ = word.partition("=")
        found = [word] if mark else words[place : place + 2]
        # Budgets of a curve: `fit` takes all labels.
        several = option == "--labels-per-class" and "," in found[-1]
        if option in DATA and not several:
            kept += found
    base = f"auxin fit {shlex.join(kept)}"
    why = (
        f"{name} has the highest mean of the methods that are shown to help."
        if helpful
        else "No method is shown to help: use single-task training (single)."
    )
    if any(word.partition("=")[0] == "--domain" for word in words):
        return f"{why}\n  No command trains it: `auxin fit` has no --domain. The settings are in comparison.json."
    return (
        f"{why}\n"
        f"  {base} --method {name} --no-guard\n"
        f"    trains {name} with the defaults of `auxin fit`; the settings used here are in comparison.json, and --set "
        "NAME=VALUE sets one.\n"
        f"  {base}\n"
        "    chooses among estimators, networks and their blends by cross-validation."
    )
