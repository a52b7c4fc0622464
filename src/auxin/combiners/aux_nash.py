"""AuxiNash: a Nash bargain between the tasks' gradients, their preferences trained by the hypergradient."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from auxin.combiners.base import GramianCombiner, Options, TrainedBy, choice, number
from auxin.errors import RunError
from auxin.paper import Paper

_FLOOR = 1e-4
_STEPS = 200
_UNITS = ("main", "frobenius", "none")


class AuxNash(GramianCombiner):
    """L = sum_k a_k m_k, where a > 0 solves M a = p / a, M the Gramian, p the tasks' learned preferences.

    Shamsian et al. 2023: the direction d = sum_k a_k g_k maximises sum_k p_k log <g_k, d>. The weights are
    differentiable in p through da/dp = (M + diag(p / a^2))^-1 diag(1 / a), the Gramian held constant, so any
    estimator of the hypergradient trains p; give `forward` in a meta step the Gramian of the training
    batch. The preferences start at p = 1, which is Nash-MTL; after each meta step every p is clamped to at least
    0.0001 and p is rescaled to add up to the task count.

    Departures: solved by Newton's method, the problem being convex, and not by repeated linearisation; M
    is measured in units of |g_0|^2, so that the main weight is 1 among orthogonal gradients and an
    auxiliary's unit does not matter at all (`unit="none"` is the paper's equation and the authors' code,
    whose direction has the same length sqrt(T) whatever the gradients; `unit="frobenius"` divides M by
    its Frobenius norm, which multiplies the weights by the square root of that norm, so they are several
    times larger than the paper's where the squared gradient norms add up to tens); M's cosines are
    damped, which bounds the weights where gradients oppose each other and no bargain exists. A task
    without a gradient in the batch has weight 0.

    Args:
        count: Number of tasks, the main one included.
        unit: Divisor of the Gramian: "main", "frobenius" or "none" (the authors' choice).
        damping: Number added to the diagonal of the gradients' cosine matrix.

    >>> gramian = torch.diag(torch.tensor([4.0, 1.0, 16.0]))
    >>> AuxNash(3, damping=0.0).weights(gramian, torch.ones(3)).tolist()
    [1.0, 2.0, 0.5]
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    paper: ClassVar[Paper | None] = Paper(
        "Auxiliary Learning as an Asymmetric Bargaining Game",
        "Shamsian, Navon, Glazer, Kawaguchi, Chechik, Fetaya",
        2023,
        "https://arxiv.org/abs/2301.13501",
    )
    published: ClassVar[Options] = {"unit": "none"}
    tuning: ClassVar[tuple[Options, ...]] = ({"damping": 1e-3}, {"damping": 1e-1}, {"damping": 1.0})

    def __init__(self, count: int, unit: str = "main", damping: float = 1e-3) -> None:
        super().__init__(count)
        self.unit = choice("unit", unit, _UNITS)
        self.damping = number("damping", damping)
        self.preference = nn.Parameter(torch.ones(count)) if count > 1 else None

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The loss weights, [T], differentiable in the preferences."""
        del means
        exact = gramian.cpu().double()
        size = exact.diagonal().clamp(min=0).sqrt()
        active = size > 1e-12 * size.max()
        weights = torch.zeros_like(size)
        if self.preference is None or not bool(active.any()):
            return (weights + 1).to(gramian)
        length = size[active]
        cosines = exact[active][:, active] / (length[:, None] * length)
        cosines = cosines + self.damping * torch.eye(len(length), dtype=torch.float64)
        bargained = self._solve(cosines, self.preference.cpu().double()[active])
        return weights.masked_scatter(active, bargained * self._unit(exact) / length).to(gramian)

    def _solve(self, cosines: Tensor, preference: Tensor) -> Tensor:
        with torch.no_grad():
            p = preference.clamp(min=_FLOOR / 10)
            solution = bargain(cosines, p)
            slope = sensitivity(cosines, p, solution)
        return solution + slope @ (preference - preference.detach())

    def _unit(self, gramian: Tensor) -> Tensor:
        if self.unit == "none":
            return gramian.new_ones(())
        square = gramian[0, 0] if self.unit == "main" and gramian[0, 0] > 0 else gramian.norm()
        return square.sqrt()

    @torch.no_grad()
    def after_meta_step(self) -> None:
        """Keep the preferences positive, adding up to the task count."""
        if self.preference is not None:
            self.preference.clamp_(min=_FLOOR)
            self.preference.mul_(self.count / self.preference.sum())


@np.errstate(all="ignore")
def bargain(gramian: Tensor, preference: Tensor) -> Tensor:
    """The one a > 0 with M a = p / a, for M positive definite and p > 0; [T], without a graph.

    It is the minimiser of the strictly convex a^T M a / 2 - sum_k p_k log a_k, so Newton's method with
    backtracking finds it from anywhere: in NumPy, whose calls on matrices of a dozen tasks take a third of the time of
    torch's.

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
