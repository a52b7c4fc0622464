"""How scores and differences are written, alike in the terminal, the tables and the page."""

from auxin.experiments.schema import Contrast

PERCENT = frozenset(
    {"accuracy", "balanced_accuracy", "top5_accuracy", "pixel_accuracy", "f1", "macro_f1", "auc", "miou"}
)
"""Metrics between 0 and 1 that people read in percent, and their differences in points."""

MINUS = "\N{MINUS SIGN}"


def factor(metric: str) -> float:
    """What a score is multiplied by before it is shown.

    >>> factor("accuracy"), factor("r2")
    (100.0, 1.0)
    """
    return 100.0 if metric in PERCENT else 1.0


def title(metric: str) -> str:
    """The metric's name for a column or an axis, with its unit.

    >>> title("balanced_accuracy"), title("r2")
    ('balanced accuracy (%)', 'r2')
    """
    return metric.replace("_", " ") + (" (%)" if metric in PERCENT else "")


def score(value: float, metric: str) -> str:
    """A score.

    >>> score(0.9166, "accuracy"), score(0.5, "r2"), score(float("nan"), "accuracy")
    ('91.66', '0.5000', 'diverged')
    """
    return "diverged" if value != value else _number(value * factor(metric), metric)


def difference(value: float, metric: str) -> str:
    """A difference, always with its sign.

    >>> difference(0.0078, "accuracy"), difference(-0.0078, "accuracy")
    ('+0.78', '−0.78')
    """
    text = _number(abs(value) * factor(metric), metric)
    if not text.strip("0."):
        return text
    return ("+" if value > 0 else MINUS) + text


def _number(value: float, metric: str) -> str:
    return f"{value:.{2 if metric in PERCENT else 4}f}".replace("-", MINUS)


def mean(value: float, error: float | None, metric: str) -> str:
    """A mean and its standard error.

    >>> mean(0.9166, 0.0024, "accuracy"), mean(0.9166, None, "accuracy")
    ('91.66 ± 0.24', '91.66')
    """
    text = score(value, metric)
    return text if error is None else f"{text} ± {_number(error * factor(metric), metric)}"


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
    """An interval in brackets; empty where there is none.

    >>> interval(0.003, 0.0126, "accuracy")
    '[+0.30, +1.26]'
    """
    if low is None or high is None:
        return ""
    return f"[{difference(low, metric)}, {difference(high, metric)}]"


def unit(metric: str) -> str:
    """What a difference counts.

    >>> unit("accuracy"), unit("r2")
    ('points of accuracy', 'of r2')
    """
    name = metric.replace("_", " ")
    return f"points of {name}" if metric in PERCENT else f"of {name}"


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
