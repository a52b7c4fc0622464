"""Gaussian processes whose kernel, noise and trust in auxiliary labels are what predicts left-out main labels best.

Values of the main task, or its classes as columns of zeros and ones, are learned by regression, so that every choice
has a closed form: no steps of descent, and of every fold only one eigendecomposition per kernel. With auxiliary tasks
the model is autoregressive cokriging (Kennedy and O'Hagan 2000, "Predicting the output from a complex computer code
when fast approximations are available", equation 1; Le Gratiet 2013 for several inputs): the main label is a linear
function of the row's auxiliary labels and a Gaussian process of its own. Rows without a main label teach the auxiliary
tasks' processes, whose predictions stand for the auxiliary labels that a new row does not have.

Departures: hyperparameters are chosen on a grid by the error of left-out main labels and not by the likelihood; how
much the slopes are trusted (their prior variance) is one of them, so the auxiliary tasks' weight is learned by the main
task's own generalisation. The best kernels are averaged, weighted by their left-out likelihood. Classes get
probabilities by a softmax around the classes' shares, as sharp as left-out log loss prefers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auxin.math.kernels import Blocks, Columns, Kernel, blocks_of, left_out, median_distance, slopes

KERNELS = (*((length, linear) for length in (0.5, 1.0, 2.0, 4.0) for linear in (0.0, 0.3)), (1.0, 1.0))
NOISES = tuple(np.geomspace(1e-3, 10, 11).tolist())
TRUSTS = (0.01, 0.1, 1.0, 10.0)
SHARPNESS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
AVERAGED, SMALLEST = 4, 0.05
"""Kernels that are averaged at most, and the weight below which one is left out."""
PICKED = 400
"""Rows by which kernels are chosen at most; the chosen ones learn from all."""
AUXILIARY_PICKED, AUXILIARY_ROWS = 300, 800
"""The same for auxiliary tasks, and the rows that these learn from at most."""
AT_ONCE = 2000
"""Rows that are predicted at once."""
DOUBT, LEAST = 0.02, 1e-6


@dataclass(frozen=True, eq=False)
class Term:
    """One part of a prediction: k(x, support) weights.

    Attributes:
        kernel: k.
        support: Rows, [m, P].
        weights: Of these rows, [m, C].
    """

    kernel: Kernel
    support: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class KernelChoice:
    """A kernel with what suits it.

    Attributes:
        kernel: The kernel.
        noise, trust: Variances of the noise and of the slopes; 0 where there are no auxiliary labels.
        loss: Mean loss of left-out rows.
        error: Targets minus predictions of left-out rows, [n, C].
    """

    kernel: Kernel
    noise: float
    trust: float
    loss: float
    error: np.ndarray


@dataclass(frozen=True, eq=False)
class Targets:
    """What a process learns.

    Attributes:
        values: [n, C], centred.
        classes: The classes' numbers, [n]; None for numbers.
        shares: The classes' shares, [C].
    """

    values: np.ndarray
    classes: np.ndarray | None = None
    shares: np.ndarray | None = None

    @classmethod
    def of_classes(cls, classes: np.ndarray, count: int) -> "Targets":
        """Columns of zeros and ones around the classes' shares."""
        hot = np.eye(count)[classes]
        return cls(hot - hot.mean(0), classes, hot.mean(0))

    def part(self, rows: np.ndarray) -> "Targets":
        """Some of the rows."""
        return replace(
            self, values=self.values[rows], classes=None if self.classes is None else self.classes[rows]
        )

    def loss(self, error: np.ndarray) -> tuple[float, float]:
        """The mean loss of predictions that are wrong by `error`, and for classes the sharpness that suits them."""
        if self.classes is None or self.shares is None:
            return float((error**2).mean()), 1.0
        found = self.values - error
        rows = np.arange(len(found))
        losses = [
            (-np.log((1 - DOUBT) * p[rows, self.classes] + DOUBT / p.shape[1]).mean(), sharp)
            for sharp in SHARPNESS
            for p in [probabilities(found, self.shares, sharp)]
        ]
        loss, sharp = min(losses)
        return float(loss), sharp

    def weights(self, losses: Sequence[float]) -> np.ndarray:
        """The kernels' weights by the likelihood of left-out rows, summing to 1."""
        n, low = len(self.values), np.array(losses)
        log = -n * (low - low.min()) if self.classes is not None else -n / 2 * np.log(low / low.min())
        found = np.exp(log)
        found[found / found.sum() < SMALLEST] = 0.0
        return found / found.sum()


def probabilities(values: np.ndarray, shares: np.ndarray, sharp: float) -> np.ndarray:
    """softmax(sharp f + log share), [N, C]."""
    logits = sharp * values + np.log(shares + LEAST)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def pick(
    x: np.ndarray, targets: Targets, unit: float, blocks: Blocks, columns: Columns | None = None
) -> list[KernelChoice]:
    """The best noise and trust of every kernel, the best kernel first."""
    found = []
    for length, linear in KERNELS:
        kernel, best = Kernel(length, linear, unit), None
        trusted: dict[float, tuple[float, float, np.ndarray]] = {}
        for noise, trust, error in left_out(kernel(x, x), NOISES, targets.values, blocks, columns):
            square = float((error**2).mean())
            if noise not in trusted or square < trusted[noise][0]:
                trusted[noise] = square, trust, error
        for noise, (_, trust, error) in trusted.items():
            loss = targets.loss(error)[0]
            if best is None or loss < best.loss:
                best = KernelChoice(kernel, noise, trust, loss, error)
        assert best is not None
        found.append(best)
    return sorted(found, key=lambda one: one.loss)


@dataclass(frozen=True, eq=False)
class AuxiliaryProcess:
    """Processes of the auxiliary labels, in units of their spread.

    Attributes:
        own: The labels, predictions where one is missing, [N, K].
        hat: Predictions that do not know the row's own labels, [N, K].
        terms: Of the prediction of new rows.
    """

    own: np.ndarray
    hat: np.ndarray
    terms: tuple[Term, ...]

    @classmethod
    def fit(
        cls, x: np.ndarray, labels: np.ndarray, groups: np.ndarray, unit: float, seed: int
    ) -> "AuxiliaryProcess":
        """Learn the columns of `labels`, [N, K] with NaN where missing; those known in the same rows together."""
        own, hat = np.zeros_like(labels), np.zeros_like(labels)
        patterns: dict[bytes, list[int]] = {}
        for column, known in enumerate(~np.isnan(labels).T):
            patterns.setdefault(known.tobytes(), []).append(column)
        terms = []
        for columns in patterns.values():
            known = np.random.default_rng(seed).permutation(np.flatnonzero(~np.isnan(labels[:, columns[0]])))
            if len(known) < 2:
                continue
            value = labels[:, columns]
            spread = value[known].std(0)
            value = (value - value[known].mean(0)) / np.where(spread > 1e-9, spread, 1.0)
            few, many = known[:AUXILIARY_PICKED], known[:AUXILIARY_ROWS]
            best = pick(x[few], Targets(value[few]), unit, blocks_of(groups[few]))[0]
            gram = best.kernel(x[many], x[many])
            weights = np.zeros((len(many), labels.shape[1]))
            weights[:, columns] = np.linalg.solve(gram + best.noise * np.eye(len(many)), value[many])
            term = Term(best.kernel, x[many], weights)
            guess = predict((term,), x)[:, columns]
            [(_, _, error)] = left_out(gram, [best.noise], value[many], blocks_of(groups[many]))
            guess[many] = value[many] - error
            hat[:, columns], own[:, columns] = guess, np.where(np.isnan(value), guess, value)
            terms.append(term)
        return cls(own, hat, tuple(terms))


def predict(terms: Sequence[Term], x: np.ndarray) -> np.ndarray:
    """The sum of the terms for rows [N, P]: [N, C]; some rows at a time, so that kernels stay small."""
    parts = np.split(x, range(AT_ONCE, len(x), AT_ONCE))
    return np.concatenate([sum(t.kernel(part, t.support) @ t.weights for t in terms) for part in parts])


@dataclass(frozen=True, eq=False)
class Process:
    """A trained process.

    Attributes:
        terms: Of its own part of the prediction.
        slope: What is added for each auxiliary label's prediction, [K, C]; None without auxiliary labels.
        sharp: Of its probabilities.
        trusts: Weight and trust of every averaged kernel, for inspection.
    """

    terms: tuple[Term, ...]
    slope: np.ndarray | None
    sharp: float
    trusts: tuple[tuple[float, float], ...]


def learn(
    x: np.ndarray,
    targets: Targets,
    groups: np.ndarray,
    unit: float,
    auxiliary: AuxiliaryProcess | None = None,
    kept: np.ndarray | None = None,
    seed: int = 0,
) -> Process:
    """Train a process.

    Args:
        x: Inputs, [n, P].
        targets: What it learns.
        groups: Rows of one group are left out together, [n].
        unit: The median squared distance of the inputs.
        auxiliary: The auxiliary tasks' processes; None: the main labels stand alone.
        kept: Places of these rows in those of `auxiliary`, [n].
        seed: draws the rows by which kernels are chosen, where there are many.
    """
    columns = None
    if auxiliary is not None and kept is not None:
        columns = Columns(auxiliary.own[kept], auxiliary.hat[kept], TRUSTS)
    few = np.random.default_rng(seed).permutation(len(x))[:PICKED] if len(x) > PICKED else np.arange(len(x))
    part = columns and replace(columns, own=columns.own[few], hat=columns.hat[few])
    own = targets.part(few)
    best = pick(x[few], own, unit, blocks_of(groups[few]), part)[:AVERAGED]
    shares = own.weights([one.loss for one in best])
    error = sum(share * one.error for share, one in zip(shares, best, strict=True))
    terms, slope = [], None
    for share, one in zip(shares, best, strict=True):
        if not share:
            continue
        gram, rest = one.kernel(x, x), targets.values
        if columns is not None:
            own_slope = slopes(gram, one.noise, rest, columns.own, one.trust)
            rest = rest - columns.own @ own_slope
            slope = share * own_slope + (0.0 if slope is None else slope)
        terms.append(Term(one.kernel, x, share * np.linalg.solve(gram + one.noise * np.eye(len(x)), rest)))
    trusts = tuple((float(share), one.trust) for share, one in zip(shares, best, strict=True) if share)
    return Process(tuple(terms), slope, own.loss(np.asarray(error))[1], trusts)


def unit_of(x: np.ndarray, seed: int = 0) -> float:
    """The median squared distance between some of the rows."""
    return median_distance(x[np.random.default_rng(seed).permutation(len(x))[:PICKED]])
