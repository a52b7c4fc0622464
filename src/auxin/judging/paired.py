"""The statistics of a comparison: paired t intervals, a bootstrap over test rows, Holm's correction.

Two sources of chance are kept apart. The t interval is over *seeds* (initial weights, batch order, which rows
are labelled), with the test rows held fixed; the bootstrap is over *test rows*, with the trained networks
held fixed. A difference that only one of the two supports is not established.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

ENOUGH_SEEDS = 5
"""A claim needs at least this many seeds."""

LEVEL = 0.95
"""The coverage of every interval."""

_SAME = 1e-12  # differences that vary by less than this share of the scores vary by rounding only


class Paired(NamedTuple):
    """A paired difference over seeds.

    Attributes:
        difference: The mean of a - b.
        low, high: Its 95 % t interval; None where there is no spread to make one from.
        p: two-sided p-value; None with one seed.
        seeds: Number of pairs, one per seed.
    """

    difference: float
    low: float | None
    high: float | None
    p: float | None
    seeds: int


def paired(a: ArrayLike, b: ArrayLike) -> Paired:
    """The paired t test of scores `a` against scores `b`, one pair per seed.

    Where every seed gives the same difference there is no spread, and a t test would claim certainty from two
    seeds. Then there is no interval, and p is the two-sided sign test's, 2^(1-n): 1 where the scores are the
    same.

    >>> result = paired([0.81, 0.83, 0.85], [0.80, 0.80, 0.80])
    >>> f"{result.difference:.3f} [{result.low:.3f}, {result.high:.3f}] p={result.p:.3f}"
    '0.030 [-0.020, 0.080] p=0.122'

    Args:
        a: Scores, float [seeds], finite.
        b: The reference's scores, in the same order of seeds.

    Raises:
        ValueError: The two differ in shape, are empty, or are not finite.
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.shape != y.shape or x.ndim != 1 or x.size == 0:
        raise ValueError(
            f"Pairs need two equally long lists of scores. Found shapes {x.shape} and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("Paired scores must be finite. Replace those of diverged runs first.")
    differences = x - y
    n, mean = differences.size, float(differences.mean())
    if n == 1:
        return Paired(mean, None, None, None, 1)
    if np.ptp(differences) <= _SAME * max(np.abs(x).max(), np.abs(y).max(), 1.0):
        same = abs(mean) <= _SAME
        return Paired(mean, None, None, 1.0 if same else 2.0 ** (1 - n), n)
    error = float(differences.std(ddof=1)) / n**0.5
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return Paired(mean, mean - half, mean + half, p, n)


def standard_error(scores: ArrayLike) -> float | None:
    """The standard error of the mean over seeds; None with fewer than two.

    >>> round(standard_error([1.0, 2.0, 3.0]), 3)
    0.577
    """
    values = np.asarray(scores, float)
    return float(values.std(ddof=1)) / values.size**0.5 if values.size > 1 else None


def holm(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm's step-down correction of p-values (Holm 1979); None stays None and is not counted.

    The i-th smallest of m p-values is multiplied by m - i + 1; an adjusted value is never below a smaller
    one's.

    >>> {k: round(v, 3) for k, v in holm({"a": 0.01, "b": 0.04, "c": 0.03}).items()}
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    known = sorted((value, name) for name, value in p.items() if value is not None)
    adjusted: dict[str, float | None] = dict.fromkeys(p)
    largest = 0.0
    for rank, (value, name) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * value))
        adjusted[name] = largest
    return adjusted


def bootstrap(
    a: Sequence[ArrayLike], b: Sequence[ArrayLike], *, seed: int = 0, draws: int = 4000
) -> tuple[float, float]:
    """A 95 % percentile interval of the mean difference, test rows drawn anew and the seeds held fixed.

    Where all seeds have equally many test rows these are the same rows, and a row is drawn with all its
    seeds; otherwise each seed's rows are drawn on their own.

    Args:
        a: Per seed, each test row's share of the score (0 or 1 for accuracy), [rows].
        b: The reference's, on the same rows.
        seed: Seed of the draws.
        draws: Number of draws.

    Raises:
        ValueError: A seed's rows differ in number between `a` and `b`, or there are none.
    """
    pairs = [(np.asarray(x, float), np.asarray(y, float)) for x, y in zip(a, b, strict=True)]
    if not pairs or any(x.shape != y.shape or x.ndim != 1 or x.size == 0 for x, y in pairs):
        raise ValueError("The bootstrap needs the same test rows for both methods, at least one.")
    differences = [x - y for x, y in pairs]
    if len({d.size for d in differences}) == 1:
        differences = [np.mean(differences, axis=0)]
    generator = np.random.default_rng(seed)
    means = np.mean([_resampled_means(d, draws, generator) for d in differences], axis=0)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _resampled_means(
    values: NDArray[np.float64], draws: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Means of resamples; equal values are drawn as one, so the cost grows with the distinct values."""
    distinct, counts = np.unique(values.round(12), return_counts=True)
    block = max(1, 2_000_000 // distinct.size)
    sizes = [block] * (draws // block) + [draws % block]
    drawn = [generator.multinomial(values.size, counts / values.size, size=size) @ distinct for size in sizes]
    return np.concatenate(drawn) / values.size
