"""Kernels of Gaussian processes and closed-form predictions of left-out rows, in float64 NumPy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Blocks = Sequence[np.ndarray]
"""Rows that are left out together: for every size m of a group, int64 [B, m]."""


@dataclass(frozen=True)
class Kernel:
    """A Matern kernel with smoothness 3/2 and a linear one, beside a constant:

        k(a, b) = (1 - w) (1 + r) exp(-r) + w a.b / P + 1,   r = sqrt(3 |a - b|^2 / unit) / length

    Attributes:
        length: The length scale, in roots of `unit`.
        linear: w, the linear kernel's share.
        unit: The median squared distance of the inputs.

    >>> Kernel(1.0, 0.0)(np.zeros((1, 2)), np.array([[0.0, 0.0], [3.0, 4.0]])).round(3).tolist()
    [[2.0, 1.002]]
    """

    length: float
    linear: float
    unit: float = 1.0

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The kernel between rows [N, P] and [M, P]: [N, M]."""
        product = a @ b.T
        found = 1.0 + self.linear * product / a.shape[1]
        if self.linear < 1.0:
            squared = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * product
            r = np.sqrt(3 * np.maximum(squared, 0.0) / self.unit) / self.length
            found += (1 - self.linear) * (1 + r) * np.exp(-r)
        return found


def median_distance(x: np.ndarray) -> float:
    """The median squared distance between rows [N, P]; 1 where all are the same."""
    norm = (x * x).sum(1)
    squared = norm[:, None] + norm[None] - 2 * x @ x.T
    found = float(np.median(squared[np.triu_indices(len(x), 1)])) if len(x) > 1 else 1.0
    return found if found > 1e-9 else 1.0


def blocks_of(groups: np.ndarray) -> Blocks:
    """The rows of every group, the groups of one size together.

    >>> [one.tolist() for one in blocks_of(np.array([0, 1, 1, 2]))]
    [[[0], [3]], [[1, 2]]]
    """
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    return [np.stack([p for p in parts if len(p) == m]) for m in sorted({len(p) for p in parts})]


@dataclass(frozen=True, eq=False)
class Columns:
    """Auxiliary labels beside the main targets.

    Attributes:
        own: Of every row, [n, K].
        hat: What is predicted for a row where its own are not known, [n, K].
        trusts: Prior variances of the slopes, those to be tried.
    """

    own: np.ndarray
    hat: np.ndarray
    trusts: Sequence[float]


def left_out(
    gram: np.ndarray, noises: Sequence[float], y: np.ndarray, blocks: Blocks, columns: Columns | None = None
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Errors at every block's rows when it is left out, for all noises from one eigendecomposition.

    The model is y = a r + f + noise, with f ~ N(0, K), r ~ N(0, trust I), and no a r without columns. With
    W = (K + noise I)^-1, u = W y, g = W a and R = (a^T W a + I / trust)^-1, a block b that is left out has

        S = W_bb - g_b R g_b^T,    r_-b = R (a^T W y - g_b^T S^-1 (u_b - g_b R a^T W y))
        error_b = y_b - prediction = W_bb^-1 u_b + (a_b - hat_b - W_bb^-1 g_b) r_-b

    for its prediction takes `hat` in the place of its own labels a (Rasmussen and Williams 2006, equations 5.10 to
    5.12, without a).

    Args:
        gram: K, [n, n].
        noises: Variances of the noise.
        y: Targets, [n, C].
        blocks: Rows that are left out together.
        columns: The auxiliary labels a; None: there are none.

    Yields:
        The noise, the trust (0 without columns) and y - prediction, [n, C].
    """
    values, vectors = np.linalg.eigh(gram)
    turned = vectors.T @ (y if columns is None else np.concatenate([y, columns.own], 1))
    width = y.shape[1]
    for noise in noises:
        inverse = 1 / (np.maximum(values, 0.0) + noise)
        seen = vectors @ (inverse[:, None] * turned)
        own = [(vectors[rows] * inverse) @ vectors[rows].swapaxes(1, 2) for rows in blocks]
        alone = [np.linalg.solve(w, seen[rows]) for w, rows in zip(own, blocks, strict=True)]
        if columns is None:
            yield float(noise), 0.0, _placed(blocks, alone, y)
            continue
        u, g = seen[:, :width], seen[:, width:]
        inner, toward = columns.own.T @ g, columns.own.T @ u
        for trust in columns.trusts:
            slopes = np.linalg.inv(inner + np.eye(len(inner)) / trust)
            mean, found = slopes @ toward, []
            for w, both, rows in zip(own, alone, blocks, strict=True):
                rest = np.linalg.solve(
                    w - g[rows] @ slopes @ g[rows].swapaxes(1, 2), u[rows] - g[rows] @ mean
                )
                without = mean - slopes @ (g[rows].swapaxes(1, 2) @ rest)
                apart = columns.own[rows] - columns.hat[rows] - both[:, :, width:]
                found.append(both[:, :, :width] + apart @ without)
            yield float(noise), float(trust), _placed(blocks, found, y)


def _placed(blocks: Blocks, parts: Sequence[np.ndarray], like: np.ndarray) -> np.ndarray:
    found = np.empty_like(like)
    for rows, part in zip(blocks, parts, strict=True):
        found[rows] = part
    return found


def slopes(gram: np.ndarray, noise: float, y: np.ndarray, own: np.ndarray, trust: float) -> np.ndarray:
    """The posterior mean of r in y = a r + f + noise, [K, C]."""
    solved = np.linalg.solve(gram + noise * np.eye(len(gram)), np.concatenate([own, y], 1))
    g, u = solved[:, : own.shape[1]], solved[:, own.shape[1] :]
    return np.linalg.solve(own.T @ g + np.eye(own.shape[1]) / trust, own.T @ u)
