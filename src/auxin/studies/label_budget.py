"""The label budget: scores against labels per class, and how many more labels a method's gain is worth.

One comparison per number of labels, all on the same test rows. What a method reaches with K labels per class is
looked up on single-task training's own curve: monotone by isotonic regression, straight between budgets over
the logarithm of the labels. The number of labels found there is what the method's K labels are worth.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import isotonic_regression

from auxin.errors import RunError
from auxin.judging import wording
from auxin.records.results import Comparison, Half, Record, Verdict

NAME = "label_budget.json"
DRAWS = 2000

Floats = NDArray[np.float64]


class Point(Record):
    """A method at one budget.

    Attributes:
        labels: Labels per class.
        mean, standard_error: Over seeds; greater is better, as in every result file.
        verdict: Verdict of the comparison at this budget, and whom it was against.
        judged_by: That reference.
        worth: As how many labels per class of single these labels do; None where that is outside the range.
        beyond: "above" where it is more than the largest budget, "below" where it is fewer than the smallest.
        low, high: A 95 % bootstrap interval of `worth` over seeds; 0 or infinity stand for outside the range,
            None where there are too few seeds.
    """

    labels: int
    mean: float
    standard_error: float | None = None
    verdict: Verdict
    judged_by: str | None = None
    worth: float | None = None
    beyond: Literal["", "above", "below"] = ""
    low: float | None = None
    high: float | None = None


class BudgetCurve(Record):
    """A method over the budgets."""

    method: str
    role: Literal["single", "control", "method"]
    points: list[Point]


class LabelBudget(Record):
    """What a comparison over several label budgets found.

    Attributes:
        dataset, metric, half: As in each comparison.
        labels: The budgets that are finished, labels per class, ascending.
        sentence: How many labels the best method's gain is worth.
        lines: One per method.
        folders: Each budget's own folder, relative to this file.
        command: Command line that repeats it.
        finished: False where budgets are missing or a comparison was interrupted.
    """

    version: Literal[1] = 1
    dataset: str
    metric: str
    half: Half
    labels: list[int]
    sentence: str = ""
    lines: list[BudgetCurve]
    folders: dict[int, str] = Field(default_factory=dict)
    command: str = ""
    finished: bool = True


def assemble(
    comparisons: Mapping[int, Comparison],
    *,
    folders: Mapping[int, str],
    command: str = "",
    finished: bool = True,
) -> LabelBudget:
    """Put comparisons at several budgets together.

    Args:
        comparisons: Comparisons by labels per class.
        folders: Each one's folder.
        command: Command line that repeats it.
        finished: Whether all budgets are in.

    Raises:
        RunError: There are none, or they differ in data set, metric or half of the test rows.
    """
    _check(comparisons)
    labels = sorted(comparisons)
    first = comparisons[labels[0]]
    scores = _scores(comparisons, labels)
    lines = [
        _line(row.method, row.role, comparisons, labels, scores) for row in first.rows if row.method in scores
    ]
    return LabelBudget(
        dataset=first.dataset,
        metric=first.metric,
        half=first.half,
        labels=labels,
        sentence=sentence(lines),
        lines=lines,
        folders=dict(folders),
        command=command,
        finished=finished and all(comparison.finished for comparison in comparisons.values()),
    )


def _check(comparisons: Mapping[int, Comparison]) -> None:
    if not comparisons:
        raise RunError("No label budget is finished", do="Run the same command to resume")
    for name in ("dataset", "metric", "half"):
        found = sorted({str(getattr(comparison, name)) for comparison in comparisons.values()})
        if len(found) > 1:
            raise RunError(f"The budgets differ in their {name}", found=", ".join(found))


def _scores(comparisons: Mapping[int, Comparison], labels: Sequence[int]) -> dict[str, Floats]:
    """Scores [budgets, seeds] of the methods that every budget has, over the seeds that all have.

    A diverged run counts as its row says: the mean over its method's seeds cannot see it, so it takes the
    worst score of its budget.
    """
    methods = [r.method for r in comparisons[labels[0]].rows]
    tables = [{row.method: row.scores for row in comparisons[k].rows} for k in labels]
    methods = [m for m in methods if all(m in table for table in tables)]
    seeds = sorted(set.intersection(*(set(table[m]) for table in tables for m in methods)))
    found = {}
    for method in methods:
        rows = []
        for table in tables:
            worst = min(v for scores in table.values() for v in scores.values() if np.isfinite(v))
            rows.append([v if np.isfinite(v := table[method][seed]) else worst for seed in seeds])
        found[method] = np.array(rows, float)
    return found


def _line(
    method: str,
    role: Literal["single", "control", "method"],
    comparisons: Mapping[int, Comparison],
    labels: Sequence[int],
    scores: Mapping[str, Floats],
) -> BudgetCurve:
    points = []
    for at, count in enumerate(labels):
        row = next(row for row in comparisons[count].rows if row.method == method)
        value = {} if method == "single" or len(labels) < 2 else _worth(scores, method, at, labels)
        kept = {name: getattr(row, name) for name in ("mean", "standard_error", "verdict", "judged_by")}
        points.append(Point(labels=count, **kept, **value))
    return BudgetCurve(method=method, role=role, points=points)


def _worth(scores: Mapping[str, Floats], method: str, at: int, labels: Sequence[int]) -> dict:
    single, own = scores["single"], scores[method][at]
    found = equivalent(np.array(labels, float), single.mean(axis=1), float(own.mean()))
    beyond = "above" if found == np.inf else "below" if found == 0 else ""
    known = {"worth": None if beyond else float(found), "beyond": beyond}
    if single.shape[1] < 3:
        return known
    generator = np.random.default_rng(0)
    drawn = generator.integers(single.shape[1], size=(DRAWS, single.shape[1]))
    budgets = np.array(labels, float)
    values = [equivalent(budgets, single[:, d].mean(axis=1), float(own[d].mean())) for d in drawn]
    low, high = np.quantile(values, [0.025, 0.975], method="inverted_cdf")
    return known | {"low": float(low), "high": float(high)}


def equivalent(labels: Floats, reference: Floats, score: float) -> float:
    """The labels at which the reference's curve reaches this score; 0 below its range, infinity above it.

    Args:
        labels: The budgets, ascending, [n].
        reference: The reference's mean score at each, [n]; made monotone first.
        score: Score to be reached.

    >>> round(equivalent(np.array([5.0, 20.0]), np.array([0.8, 0.9]), 0.85), 3)  # half way on the log axis
    10.0
    """
    curve = monotone(reference)
    if score < curve[0]:
        return 0.0
    if score > curve[-1]:
        return float("inf")
    last = int(np.searchsorted(curve, score, side="right")) - 1
    first = int(np.searchsorted(curve, score, side="left"))
    logs = np.log(labels)
    if first <= last:  # on the curve at a budget, or along a flat stretch: its middle
        return float(np.exp((logs[first] + logs[last]) / 2))
    share = (score - curve[last]) / (curve[first] - curve[last])
    return float(np.exp(logs[last] + share * (logs[first] - logs[last])))


def monotone(values: Floats) -> Floats:
    """Return the nearest non-decreasing sequence in least squares (isotonic regression), [n].

    >>> monotone(np.array([1.0, 3.0, 2.0, 4.0])).tolist()
    [1.0, 2.5, 2.5, 4.0]
    """
    return isotonic_regression(values).x


def best(lines: Sequence[BudgetCurve]) -> BudgetCurve | None:
    """The method whose scores lie highest above single's on average: of those on trial, else of the controls."""
    single = next(line for line in lines if line.role == "single")
    base = np.array([point.mean for point in single.points])
    roles = {role: [line for line in lines if line.role == role] for role in ("method", "control")}
    others = roles["method"] or roles["control"]
    return max(others, key=lambda o: float(np.mean([p.mean for p in o.points] - base)), default=None)


def sentence(lines: Sequence[BudgetCurve]) -> str:
    """How many more labels the best method's gain is worth, budget by budget, and what the verdicts were."""
    chosen = best(lines)
    if chosen is None:
        return "Only single-task training was run, so there is no gain to express in labels."
    points = chosen.points
    if len(points) < 2:
        return (
            f"A single label budget gives no learning curve, so the gain of {chosen.method} cannot be expressed in "
            "labels."
        )
    labels = [point.labels for point in points]
    parts = [f"{p.labels} are worth {worth(p, labels)}" for p in points]
    first = f"{labels[0]} labels per class with {chosen.method} are worth {worth(points[0], labels)}"
    parts[0] = f"{first} of single-task training's"
    helped = [str(p.labels) for p in points if p.verdict == "helps"]
    hurt = [str(p.labels) for p in points if p.verdict == "hurts"]
    said = (
        [f"It helps beyond the best control with {wording.listed(helped)} labels per class"] if helped else []
    )
    said += [f"it hurts with {wording.listed(hurt)}"] if hurt else []
    rest = len(points) - len(helped) - len(hurt)
    if rest:
        others = " with the others" if said else ""
        said.append(f"there is no evidence that it beats the best control{others}")
    verdict = "; ".join(said)
    return f"{wording.listed(parts)}. {verdict[0].upper()}{verdict[1:]}."


def worth(point: Point, labels: Sequence[int]) -> str:
    """What a method's labels are worth in single's, in words.

    >>> worth(Point(labels=10, mean=0.9, verdict="helps", worth=13.2, low=9.1, high=float("inf")), [5, 20])
    '13 [9.1, above 20]'
    >>> worth(Point(labels=20, mean=0.9, verdict="helps", beyond="above", low=float("inf"), high=float("inf")), [5, 20])
    'more than 20'
    """
    if point.beyond:
        text = f"more than {labels[-1]}" if point.beyond == "above" else f"fewer than {labels[0]}"
    else:
        text = "–" if point.worth is None else _count(point.worth, labels)
    if point.low is None or point.high is None or (point.beyond and point.low == point.high):
        return text
    return f"{text} [{_count(point.low, labels)}, {_count(point.high, labels)}]"


def _count(value: float, labels: Sequence[int]) -> str:
    if value == float("inf"):
        return f"above {labels[-1]}"
    if value == 0:
        return f"below {labels[0]}"
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"
