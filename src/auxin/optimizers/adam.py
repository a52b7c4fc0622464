"""Adam: adaptive moments, with coupled weight decay and AMSGrad.

    m+ = b1 m + (1 - b1) g
    s+ = b2 s + (1 - b2) g^2
    W+ = W - alpha / (1 - b1^t) * m+ / (sqrt(s+ / (1 - b2^t)) + eps)

At the first steps W+ hardly depends on the size of g (m+ / sqrt(s+) is its sign), so (dU/dg)^T v is all but
zero: a hypergradient through a cold Adam vanishes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.math.deferred import traced
from auxin.optimizers._arithmetic import decayed, descend_quotient, root, scalar, signed, weight_decay
from auxin.optimizers._blocks import blocks
from auxin.optimizers.base import Group, State, Stepped, Update


class AdamUpdate(Update):
    """The update of `torch.optim.Adam`.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.9, 0.999), "eps": 0.0, "weight_decay": 0}
    >>> AdamUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.Adam

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step; of AdamW where the group's weight decay is decoupled."""
        rate = group["lr"]
        param, grad = weight_decay(param, grad, group, rate)
        after = moments(grad, group, state)
        rate, spread = _rate(rate, group, after), _spread(group, after)
        return descend_quotient(param, rate, after["exp_avg"], spread), after

    def step(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Tensor:
        """The same as a constant, by the same operations in one pass over memory where this is plain Adam."""
        numbers = _numbers(group, state)
        if numbers is None:
            return super().step(param, grad, group, state)
        after = torch.empty_like(param, memory_format=torch.contiguous_format)
        decoupled = bool(group.get("decoupled_weight_decay"))
        kept = 1 - group["lr"] * group["weight_decay"] if decoupled else 1.0
        with torch.no_grad():
            for w, g, mean, square, out in blocks(param, grad, state["exp_avg"], state["exp_avg_sq"], after):
                g = signed(g, group) if decoupled else decayed(w, g, group)
                spread = square.mul(numbers.second).addcmul_(g, g, value=1 - numbers.second)
                spread.sqrt_().div_(numbers.root).add_(group["eps"])
                base = w if kept == 1.0 else w.mul(kept)
                torch.addcdiv(base, mean.lerp(g, 1 - numbers.first), spread, value=-numbers.rate, out=out)
        return after

    def pull(self, param: Tensor, grad: Tensor, group: Group, state: State, cotangent: Tensor) -> Tensor:
        """(dU/dg)^T times a cotangent, in one pass over memory where this is plain Adam.

        With r = sqrt(s+), c = sqrt(1 - b2^t), d = r / c + eps and alpha' = alpha / (1 - b1^t):

            dU/dg = -alpha' [ (1 - b1) - (1 - b2) m+ g / (c r d) ] / d
        """
        numbers = _numbers(group, state)
        if numbers is None:
            return super().pull(param, grad, group, state, cotangent)
        found = torch.empty_like(cotangent, memory_format=torch.contiguous_format)
        sign, tiny = -1.0 if group.get("maximize") else 1.0, torch.finfo(grad.dtype).tiny
        with torch.no_grad():
            constant = torch.full(
                (), -sign * numbers.rate * (1 - numbers.first), dtype=grad.dtype, device=grad.device
            )
            slope = sign * numbers.rate * (1 - numbers.second) / numbers.root
            rows = blocks(param, grad, state["exp_avg"], state["exp_avg_sq"], cotangent, found)
            for w, g, mean, square, v, out in rows:
                g = signed(g, group) if group.get("decoupled_weight_decay") else decayed(w, g, group)
                r = square.mul(numbers.second).addcmul_(g, g, value=1 - numbers.second).sqrt_()
                d = r.div(numbers.root).add_(group["eps"])
                product = mean.lerp(g, 1 - numbers.first).mul_(g)
                torch.addcdiv(constant, product, r.mul_(d).clamp_(min=tiny), value=slope, out=out)
                out.div_(d).mul_(v)
        return found


def moments(grad: Tensor, group: Group, state: State) -> dict[str, Any]:
    """The step count and the running averages of g and g^2 (AMSGrad: its maximum) after this gradient."""
    first, second = (scalar(b) for b in group["betas"])
    mean = state["exp_avg"] if state else torch.zeros_like(grad)
    square = state["exp_avg_sq"] if state else torch.zeros_like(grad)
    after = {
        "step": scalar(state["step"]) + 1 if state else 1.0,
        "exp_avg": mean.lerp(grad, 1 - first),
        "exp_avg_sq": square.mul(second).addcmul(grad, grad, value=1 - second),
    }
    if group.get("amsgrad"):
        top = state["max_exp_avg_sq"] if state else torch.zeros_like(grad)
        after["max_exp_avg_sq"] = torch.maximum(top, after["exp_avg_sq"])
    return after


@dataclass(frozen=True)
class _StepConstants:
    """b1, b2, alpha / (1 - b1^t) and sqrt(1 - b2^t) of the coming step."""

    first: float
    second: float
    rate: float
    root: float


def _numbers(group: Group, state: State) -> _StepConstants | None:
    """None for AMSGrad, before the first step, and where a number is on a device or being recorded."""
    if not state or group.get("amsgrad") or traced():
        return None
    first, second = (scalar(b) for b in group["betas"])
    step = scalar(state["step"]) + 1
    rate = scalar(_rate(group["lr"], group, {"step": step}))
    if any(isinstance(x, Tensor) for x in (first, second, step, rate, group["lr"])):
        return None
    return _StepConstants(first, second, rate, (1 - second**step) ** 0.5)


def _rate(rate: Any, group: Group, after: State) -> Any:
    return rate / (1 - scalar(group["betas"][0]) ** after["step"])


def _spread(group: Group, after: State) -> Tensor:
    square = after["max_exp_avg_sq" if group.get("amsgrad") else "exp_avg_sq"]
    return root(square) / (1 - scalar(group["betas"][1]) ** after["step"]) ** 0.5 + group["eps"]
