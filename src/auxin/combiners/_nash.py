"""The Nash bargaining solution of gradients: a > 0 with M a = p / a, by a damped Newton method.

In NumPy, whose calls on matrices of a dozen tasks take a third of the time of torch's.
"""

import numpy as np
import torch
from torch import Tensor

from auxin.errors import RunError

_STEPS = 200


@np.errstate(all="ignore")
def bargain(gramian: Tensor, preference: Tensor) -> Tensor:
    """The one a > 0 with M a = p / a, for M positive definite and p > 0; [T], without a graph.

    It is the minimiser of the strictly convex a^T M a / 2 - sum_k p_k log a_k, so Newton's method with
    backtracking finds it from anywhere.

    Raises:
        RunError: No solution to 1e-8 of p (M is not positive definite, or holds NaN).

    >>> moments = torch.diag(torch.tensor([4.0, 1.0], dtype=torch.float64))
    >>> bargain(moments, torch.ones(2, dtype=torch.float64)).tolist()
    [0.5, 1.0]
    """
    matrix, p = gramian.numpy(), preference.numpy()
    a = np.sqrt(p / matrix.diagonal().clip(min=1e-30))
    for _ in range(_STEPS):
        slope = matrix @ a - p / a
        if (np.abs(slope * a) <= 1e-12 * p.max()).all():
            break
        try:
            newton = np.linalg.solve(matrix + np.diag(p / a**2), -slope)
        except np.linalg.LinAlgError:
            break
        a = _backtrack(matrix, p, a, newton, slope)
    if not (np.abs(matrix @ a * a - p) <= 1e-8 * p.max()).all():
        wrong = "The Nash bargaining weights did not converge"
        raise RunError(wrong, found=f"a Gramian {gramian.tolist()}", do="Raise damping")
    return torch.from_numpy(a)


def _backtrack(
    matrix: np.ndarray, p: np.ndarray, a: np.ndarray, step: np.ndarray, slope: np.ndarray
) -> np.ndarray:
    inward = (-a / step)[step < 0]
    length = min(1.0, 0.99 * float(inward.min())) if len(inward) else 1.0
    start, fall = _objective(matrix, p, a), float(slope @ step)
    slack = 1e-14 * abs(start)
    while _objective(matrix, p, a + length * step) > start + 1e-4 * length * fall + slack:
        length /= 2
        if length < 1e-12:
            break
    return a + length * step


def _objective(matrix: np.ndarray, p: np.ndarray, a: np.ndarray) -> float:
    return float(a @ matrix @ a / 2 - p @ np.log(a))


def sensitivity(gramian: Tensor, preference: Tensor, a: Tensor) -> Tensor:
    """da/dp, [T, T], by the implicit function theorem: (M + diag(p / a^2))^-1 diag(1 / a)."""
    return torch.linalg.solve(gramian + torch.diag(preference / a**2), torch.diag(1 / a))
