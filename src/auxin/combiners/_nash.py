"""The Nash bargaining solution of gradients: a > 0 with M a = p / a, by a damped Newton method."""

import torch
from torch import Tensor

from auxin.errors import RunError

_STEPS = 200


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
    a = (preference / gramian.diagonal().clamp(min=1e-30)).sqrt()
    for _ in range(_STEPS):
        slope = gramian @ a - preference / a
        if bool(((slope * a).abs() <= 1e-12 * preference.max()).all()):
            break
        newton, info = torch.linalg.solve_ex(gramian + torch.diag(preference / a**2), -slope)
        if int(info) != 0:
            break
        a = _backtrack(gramian, preference, a, newton, slope)
    if not bool(((gramian @ a * a - preference).abs() <= 1e-8 * preference.max()).all()):
        wrong = "The Nash bargaining weights did not converge"
        raise RunError(wrong, found=f"a Gramian {gramian.tolist()}", do="Raise damping")
    return a


def _backtrack(gramian: Tensor, preference: Tensor, a: Tensor, step: Tensor, slope: Tensor) -> Tensor:
    inward = (-a / step)[step < 0]
    length = min(1.0, 0.99 * float(inward.min())) if len(inward) else 1.0
    start, fall = _objective(gramian, preference, a), float(slope @ step)
    slack = 1e-14 * abs(start)
    while _objective(gramian, preference, a + length * step) > start + 1e-4 * length * fall + slack:
        length /= 2
        if length < 1e-12:
            break
    return a + length * step


def _objective(gramian: Tensor, preference: Tensor, a: Tensor) -> float:
    return float(a @ gramian @ a / 2 - (preference * a.log()).sum())


def sensitivity(gramian: Tensor, preference: Tensor, a: Tensor) -> Tensor:
    """da/dp, [T, T], by the implicit function theorem: (M + diag(p / a^2))^-1 diag(1 / a)."""
    return torch.linalg.solve(gramian + torch.diag(preference / a**2), torch.diag(1 / a))
