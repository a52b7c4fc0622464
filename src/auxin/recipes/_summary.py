"""Lines of a table and words of a claim, from numbers over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

from auxin.judging.paired import Paired, paired, standard_error
from auxin.records.recipe import Claim, PieceRecord, RecipeRow
from auxin.studies.recipe import FinishedPiece

Verdict = Literal["", "reproduced", "within noise", "not reproduced", "budget too small"]


def line(
    name: str,
    values: Sequence[float],
    unit: str = "",
    paper: float | None = None,
    paper_error: float | None = None,
    factor: float = 1.0,
) -> RecipeRow:
    """A line of the table: the mean over seeds and its standard error.

    >>> made = line("accuracy", [0.1, 0.3], "%", factor=100)
    >>> round(made.ours, 6), round(made.error, 6)
    (20.0, 10.0)
    """
    own = np.asarray(values, float) * factor
    return RecipeRow(
        name=name,
        ours=float(own.mean()),
        error=standard_error(own),
        seeds=own.size,
        paper=paper,
        paper_error=paper_error,
        unit=unit,
    )


def values_of(done: Mapping[str, FinishedPiece]) -> dict[str, list[float]]:
    """Every number of the finished pieces by its name, one for each piece."""
    names = next(iter(done.values())).found.values
    return {name: [piece.found.values[name] for piece in done.values()] for name in names}


def by_seed(done: Mapping[str, FinishedPiece], name: str, **settings: object) -> dict[int, float]:
    """A finite number of the pieces with these settings, by seed."""
    return {
        int(piece.found.settings["seed"] or 0): value
        for piece in done.values()
        if all(piece.found.settings.get(k) == v for k, v in settings.items())
        and np.isfinite(value := piece.found.values.get(name, np.nan))
    }


def common(*sides: Mapping[int, float]) -> list[list[float]]:
    """Each side's values of the seeds that all have, in the order of seeds.

    >>> common({0: 1.0, 1: 2.0}, {2: 5.0, 1: 4.0})
    [[2.0], [4.0]]
    """
    seeds = sorted(set(sides[0]).intersection(*sides[1:]))
    return [[side[seed] for seed in seeds] for side in sides]


def even(curves: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, np.ndarray]:
    """Curves over seeds by name, each [seeds, n], as long as the shortest of all."""
    least = min(len(curve) for own in curves.values() for curve in own)
    return {name: np.array([curve[:least] for curve in own]) for name, own in curves.items()}


def curves_of(done: Mapping[str, FinishedPiece], names: Iterable[str]) -> dict[str, np.ndarray]:
    """Curves of the finished pieces by name, each [pieces, n], as long as the shortest of all."""
    return even({name: [piece.found.curves[name] for piece in done.values()] for name in names})


def across(rows: Iterable[Sequence[float]], factor: float = 100) -> np.ndarray:
    """Values over seeds of several settings, [seeds, settings]: of as many seeds as all settings have."""
    rows = list(rows)
    least = min(map(len, rows))
    return factor * np.array([values[:least] for values in rows]).T


def difference(
    a: Sequence[float], b: Sequence[float], factor: float = 1.0, digits: int = 2, unit: str = ""
) -> str:
    """The paired difference of a minus b over seeds, with its 95 % t interval, in words.

    Args:
        a: Values by seed.
        b: Values of the same seeds.
        factor: Multiplies both; with 100 and no other unit, the difference is in points.
        digits: Digits after the point.
        unit: Unit of the difference.

    >>> difference([1.0, 2.0, 3.0], [0.0, 0.5, 1.0])
    '+1.50 [+0.26, +2.74] over 3 seeds'
    >>> difference([0.3], [0.2], 100)
    '+10.00 points over 1 seed'
    """
    unit = unit or ("points" if factor == 100 else "")
    found = paired(np.asarray(a, float) * factor, np.asarray(b, float) * factor)
    interval = "" if found.low is None else f" [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"
    seeds = f"{found.seeds} seed" + ("s" if found.seeds > 1 else "")
    return f"{found.difference:+.{digits}f}{interval}{' ' * bool(unit)}{unit} over {seeds}"


FEWEST = 3
"""Seeds below which a difference is not judged."""


def verdict_of(gap: Paired, theirs: float | None) -> Verdict:
    """The verdict on a paired difference beside the paper's.

    "reproduced": it is of the paper's sign beyond its 95 % interval. "within noise": the interval holds zero and the
    paper's difference, so that the runs do not tell. "not reproduced": the interval excludes the paper's difference
    on the side of zero, or is of the other sign. "budget too small": fewer than three seeds.

    >>> verdict_of(paired([3.0, 3.2, 3.1], [1.0, 1.1, 1.2]), 4.0)
    'reproduced'
    >>> verdict_of(paired([1.0, 1.2, 1.1], [1.0, 1.1, 1.2]), 4.0)
    'not reproduced'
    >>> verdict_of(paired([1.0, 9.2, 1.1], [1.0, 1.1, 1.2]), 4.0), verdict_of(paired([1.0], [0.0]), 4.0)
    ('within noise', 'budget too small')
    """
    if theirs is None:
        return ""
    if gap.seeds < FEWEST:
        return "budget too small"
    low, high = (
        (gap.difference, gap.difference) if gap.low is None or gap.high is None else (gap.low, gap.high)
    )
    sign = -1.0 if theirs < 0 else 1.0
    nearest, farthest = sorted((sign * low, sign * high))
    if nearest > 0:
        return "reproduced"
    return "within noise" if farthest >= abs(theirs) else "not reproduced"


def with_difference(row: RecipeRow, gap: Paired, theirs: float | None) -> RecipeRow:
    """A line with its difference to the reference, the paper's, and what that says of the paper."""
    found = {"difference": gap.difference, "low": gap.low, "high": gap.high}
    return row.model_copy(update={**found, "paper_difference": theirs, "verdict": verdict_of(gap, theirs)})


def rank_correlation(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """Spearman's rank correlation and its p-value.

    >>> round(rank_correlation([1, 2, 3], [10, 20, 15])[0], 6)
    0.5
    """
    found: Any = spearmanr(a, b)
    return float(found.statistic), float(found.pvalue)


def below(a: Sequence[float], b: Sequence[float]) -> bool | None:
    """Whether a is below b beyond the 95 % t interval over seeds.

    None where the interval holds zero, and with fewer than three seeds.

    >>> below([1.0, 1.1, 1.2], [2.0, 2.2, 2.1]), below([1.0, 1.1], [2.0, 2.1])
    (True, None)
    """
    found = paired(a, b)
    if found.low is None or found.high is None or found.seeds < FEWEST:
        return None
    return True if found.high < 0 else False if found.low > 0 else None


def claim(
    text: str,
    words: str,
    a: Sequence[float],
    b: Sequence[float],
    factor: float = 1.0,
    *,
    lower: bool = False,
    digits: int = 2,
    unit: str = "",
) -> Claim:
    """The paper's sentence that a is above b (below, with `lower`), judged by their difference over seeds.

    Args:
        text: The sentence.
        words: What stands before the difference.
        a: Values by seed.
        b: Values of the same seeds.
        factor, digits, unit: As `difference` takes them.
        lower: Whether the sentence says that a is below b.
    """
    holds = below(a, b) if lower else below(b, a)
    return Claim(text=text, found=words + difference(a, b, factor, digits, unit), holds=holds)


def claims(
    text: str, words: str, a: Mapping[int, float], b: Mapping[int, float], factor: float = 1.0, **more: Any
) -> list[Claim]:
    """`claim` of the values by seed, over the seeds that both have; none where there are no such seeds."""
    ours, theirs = common(a, b)
    return [claim(text, words, ours, theirs, factor, **more)] if ours else []


def judged(holds: bool, seeds: int) -> bool | None:
    """What was found, or None with fewer than three seeds.

    >>> judged(True, 3), judged(False, 2)
    (True, None)
    """
    return bool(holds) if seeds >= FEWEST else None


def equal_rows(pieces: Iterable[PieceRecord]) -> list[str]:
    """A sentence for each two rows of a sheet whose runs gave the same numbers in every seed, times excepted.

    Where two methods differ in a constraint or a part that never acted, their runs are the same training, and the
    comparison shows nothing.
    """
    rows: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for piece in pieces:
        data, method, seed = (str(piece.settings[k]) for k in ("data", "method", "seed"))
        numbers = {k: v for k, v in piece.values.items() if k != "seconds"}
        rows.setdefault(data, {}).setdefault(method, {})[seed] = numbers
    return [
        f"{a} and {b} gave the same numbers on {data} in every seed: what sets them apart never acted, and their "
        "comparison shows nothing."
        for data, methods in rows.items()
        for a, b in combinations(methods, 2)
        if len(methods[a]) > 1 and methods[a] == methods[b]
    ]
