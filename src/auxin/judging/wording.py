"""How scores and differences are written, alike in the terminal, the tables and the page."""

import re
from collections.abc import Mapping, Sequence

from auxin.records.results import Contrast

PERCENT = frozenset({"accuracy", "average_precision", "balanced_accuracy", "f1", "auc", "miou"})
"""Metrics between 0 and 1 that people read in percent, and their differences in points."""

LOWER = frozenset({"mae", "rmse", "log_loss", "cost"})
"""Errors and costs: lower is better. Result files hold them negated; people see them as they are."""

_SHORT = {"auc": "AUC", "f1": "F1", "r2": "R²", "mae": "mean absolute error", "rmse": "RMSE", "miou": "mIoU"}

MINUS = "\N{MINUS SIGN}"


def name(metric: str) -> str:
    """The metric as people call it; of a cost matrix just that.

    >>> name("balanced_accuracy"), name("cost=0,1;5,0"), name("r2")
    ('balanced accuracy', 'mean cost', 'R²')
    """
    if metric.startswith("cost="):
        return "mean cost"
    return _SHORT.get(metric, metric.replace("_", " "))


def lower_is_better(metric: str) -> bool:
    """Whether people read this metric as an error.

    >>> lower_is_better("mae"), lower_is_better("cost=0,1;5,0"), lower_is_better("r2")
    (True, True, False)
    """
    return metric.partition("=")[0] in LOWER


def factor(metric: str) -> float:
    """What a score of the result files is multiplied by before it is shown.

    >>> factor("accuracy"), factor("r2"), factor("mae")
    (100.0, 1.0, -1.0)
    """
    return -1.0 if lower_is_better(metric) else 100.0 if metric in PERCENT else 1.0


def title(metric: str) -> str:
    """The metric's name for a column or an axis, with its unit or direction.

    >>> title("balanced_accuracy"), title("r2"), title("log_loss")
    ('balanced accuracy (%)', 'R²', 'log loss (lower is better)')
    """
    unit = " (%)" if metric in PERCENT else " (lower is better)" if lower_is_better(metric) else ""
    return name(metric) + unit


def score(value: float, metric: str) -> str:
    """A score.

    >>> score(0.9166, "accuracy"), score(0.5, "r2"), score(-21.5, "mae"), score(float("nan"), "accuracy")
    ('91.66', '0.5000', '21.50', 'diverged')
    """
    return "diverged" if value != value else _number(value * factor(metric), metric)


def stated(value: float, metric: str) -> str:
    """A score in a sentence, with its unit: a digit less than in a table.

    >>> stated(0.9166, "accuracy"), stated(0.5, "r2"), stated(-21.55, "mae"), stated(float("nan"), "r2")
    ('91.7 %', '0.500', '21.6', 'diverged')
    """
    if value != value:
        return "diverged"
    return _number(value * factor(metric), metric, fewer=1) + (" %" if metric in PERCENT else "")


def better_or_worse(value: float, metric: str) -> str:
    """A difference of scores in words; a positive one is a gain, and errors are better where they are lower.

    >>> better_or_worse(0.0078, "accuracy"), better_or_worse(-0.25, "mae"), better_or_worse(0.0, "r2")
    ('0.8 points better', '0.250 worse', 'the same')
    """
    text = _number(abs(value * factor(metric)), metric, fewer=1)
    if not text.strip("0."):
        return "the same"
    return f"{text}{' points' if metric in PERCENT else ''} {'better' if value > 0 else 'worse'}"


def span(low: float, high: float, metric: str) -> str:
    """Both ends of an interval of scores, the lower number first.

    >>> span(0.913, 0.921, "accuracy"), span(-21.5, -20.0, "mae")
    ('91.3 to 92.1 %', '20.0 to 21.5')
    """
    low, high = (high, low) if lower_is_better(metric) else (low, high)
    return f"{stated(low, metric).removesuffix(' %')} to {stated(high, metric)}"


def difference(value: float, metric: str) -> str:
    """A difference of scores as shown, always with its sign: a gain lowers an error.

    >>> difference(0.0078, "accuracy"), difference(-0.0078, "accuracy"), difference(0.25, "mae")
    ('+0.78', '−0.78', '−0.2500')
    """
    shown = value * factor(metric)
    text = _number(abs(shown), metric)
    if not text.strip("0."):
        return text
    return ("+" if shown > 0 else MINUS) + text


def _number(value: float, metric: str, like: float | None = None, fewer: int = 0) -> str:
    """Two decimals of a percentage; else about four digits of the number (or of the one it stands beside)."""
    size = abs(value if like is None else like)
    decimals = 2 if metric in PERCENT else 4 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    return f"{value:.{max(decimals - fewer, 0)}f}".replace("-", MINUS)


def mean(value: float, error: float | None, metric: str) -> str:
    """A mean and its standard error.

    >>> mean(0.9166, 0.0024, "accuracy"), mean(0.9166, None, "accuracy")
    ('91.66 ± 0.24', '91.66')
    """
    text = score(value, metric)
    shown = value * factor(metric)
    return text if error is None else f"{text} ± {_number(error * abs(factor(metric)), metric, like=shown)}"


def contrast(value: Contrast | None, metric: str) -> str:
    """A paired difference with its interval; a dash where there is nothing to compare with.

    >>> contrast(None, "accuracy")
    '–'
    """
    if value is None:
        return "–"
    text = difference(value.difference, metric)
    between = interval(value.low, value.high, metric)
    return f"{text} {between}" if between else text


def interval(low: float | None, high: float | None, metric: str) -> str:
    """An interval in brackets, the lower number first; empty where there is none.

    >>> interval(0.003, 0.0126, "accuracy"), interval(0.1, 0.2, "mae")
    ('[+0.30, +1.26]', '[−0.2000, −0.1000]')
    """
    if low is None or high is None:
        return ""
    low, high = (high, low) if lower_is_better(metric) else (low, high)
    return f"[{difference(low, metric)}, {difference(high, metric)}]"


def unit(metric: str) -> str:
    """What a difference counts.

    >>> unit("accuracy"), unit("r2"), unit("mae")
    ('points of accuracy', 'of R²', 'of mean absolute error (lower is better)')
    """
    if lower_is_better(metric):
        return f"of {title(metric)}"
    return f"points of {name(metric)}" if metric in PERCENT else f"of {name(metric)}"


def kept(method: str, counts: Mapping[str, int]) -> str:
    """What validation decided in the seeds of a method.

    >>> kept("guard:softmax", {"softmax": 3, "single": 2})
    'guard:softmax kept softmax in 3 of 5 seeds, single in 2.'
    >>> kept("grid:static", {"fine=1, noisy=0": 1})
    'grid:static kept fine=1, noisy=0 in 1 of 1 seed.'
    """
    seeds = sum(counts.values())
    (first, most), *others = counts.items()
    words = [f"{first} in {most} of {seeds} seed{'s' * (seeds > 1)}", *(f"{n} in {c}" for n, c in others)]
    return f"{method} kept {('; ' if any(',' in n for n in counts) else ', ').join(words)}."


def duration(seconds: float) -> str:
    """A wall time that a person reads at a glance.

    >>> duration(0.42), duration(12.3), duration(125), duration(7384)
    ('0.4 s', '12 s', '2 min 5 s', '2 h 3 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def listed(parts: Sequence[str]) -> str:
    """The parts in a row, the last one after "and".

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def merged(sentences: Sequence[str]) -> list[str]:
    """Return sentences that differ only in their numbers as one, with the range of each number and how often it came.

    >>> merged(["Entropy 0.02 of 1.", "Narrow.", "Entropy 0.04 of 1.", "Entropy 0.03 of 1."])
    ['Entropy 0.02 to 0.04 of 1. (3 runs)', 'Narrow.']
    >>> merged(["Narrow.", "Narrow."])
    ['Narrow.']
    """
    alike: dict[str, list[str]] = {}
    for sentence in sentences:
        alike.setdefault(_NUMBER.sub("#", sentence), []).append(sentence)
    return [_ranged(group) if len({*group}) > 1 else group[0] for group in alike.values()]


_NUMBER = re.compile(r"(?<![\w-])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w-])")
"""A number by itself: not a part of a name such as `maxl-2`."""


def _ranged(sentences: Sequence[str]) -> str:
    """One sentence for several that differ in their numbers."""
    columns = iter(zip(*(_NUMBER.findall(sentence) for sentence in sentences), strict=True))

    def spread(_: re.Match[str]) -> str:
        found = sorted(next(columns), key=float)
        return found[0] if found[0] == found[-1] else f"{found[0]} to {found[-1]}"

    return f"{_NUMBER.sub(spread, sentences[0])} ({len(sentences)} runs)"
