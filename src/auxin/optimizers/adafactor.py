"""Adafactor: the second moment of a matrix as an outer product of row and column means.

    rho_t = min(alpha, 1 / sqrt(t)),   beta_t = t^power,   size = max(eps2, rms(W)) rho_t
    r+ = r + beta_t (row means of g^2 - r),   c+ = c + beta_t (column means of g^2 - c)
    u = g / sqrt(r+ c+ / mean(r+)),   W+ = (1 - alpha lambda) W - size u / max(1, rms(u) / d)

Vectors and scalars keep the second moment itself. The clipping by rms(u) and the factors couple the entries
of a matrix, so (dU/dg)^T v is no elementwise product; it costs a few matrix reductions.
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import scalar, signed
from auxin.optimizers.base import Group, State, Stepped, Update


class AdafactorUpdate(Update):
    """The update of `torch.optim.Adafactor` (Shazeer and Stern 2018, algorithms 4 and 5, as torch has them).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "beta2_decay": -0.8, "eps": (None, 1e-3), "d": 1.0, "weight_decay": 0}
    >>> AdafactorUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.Adafactor

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        grad = signed(grad, group)
        smallest, least = group["eps"]
        smallest = torch.finfo(param.dtype).eps if smallest is None else smallest
        rate, step = scalar(group["lr"]), scalar(state.get("step", 0.0)) + 1
        size = _rms(param).clamp(min=least) * min(rate, 1 / step**0.5)
        estimate, after = _second_moment(grad, step ** group["beta2_decay"], smallest, state)
        update = estimate.clamp(min=smallest * smallest).rsqrt() * grad
        size = size / (_rms(update) / group["d"]).clamp(min=1.0)
        return param * (1 - rate * group["weight_decay"]) - size * update, {**after, "step": step}


def _second_moment(grad: Tensor, weight: float, smallest: float, state: State) -> Stepped:
    if grad.dim() < 2:
        moment = state.get("variance", torch.zeros_like(grad)).lerp(grad * grad, weight)
        return moment, {"variance": moment}
    row_mean, column_mean = (grad * grad).mean(-1, keepdim=True), (grad * grad).mean(-2, keepdim=True)
    rows = state.get("row_var", torch.zeros_like(row_mean)).lerp(row_mean, weight)
    columns = state.get("col_var", torch.zeros_like(column_mean)).lerp(column_mean, weight)
    mean = rows.mean(-2, keepdim=True).clamp(min=smallest)
    return rows @ columns / mean, {"row_var": rows, "col_var": columns}


def _rms(value: Tensor) -> Tensor:
    """The root mean square, whose derivative at zero is taken to be zero."""
    return torch.linalg.vector_norm(value) / value.numel() ** 0.5
