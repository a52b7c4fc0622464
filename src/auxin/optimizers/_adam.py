"""Adam's equations, shared by `adam` and `adamw`.

    m+ = b1 m + (1 - b1) g
    s+ = b2 s + (1 - b2) g^2
    W+ = W - alpha / (1 - b1^t) * m+ / (sqrt(s+ / (1 - b2^t)) + eps)

At the first steps W+ hardly depends on the size of g (m+ / sqrt(s+) is its sign), so (dU/dg)^T v is all but
zero: a hypergradient through a cold Adam vanishes.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend_quotient, root, scalar, signed
from auxin.optimizers._base import State


def advance(param: Tensor, grad: Tensor, group: Mapping[str, Any], state: State) -> tuple[Tensor, State]:
    """One step of Adam, or of AdamW where the group's weight decay is decoupled."""
    rate = group["lr"]
    if group.get("decoupled_weight_decay"):
        grad = signed(grad, group)
        param = param * (1 - rate * group["weight_decay"])
    else:
        grad = decayed(param, grad, group)
    after = moments(grad, group, state)
    return descend_quotient(param, _rate(rate, group, after), after["exp_avg"], _spread(group, after)), after


def moments(grad: Tensor, group: Mapping[str, Any], state: State) -> dict[str, Any]:
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


def _rate(rate: Any, group: Mapping[str, Any], after: State) -> Any:
    return rate / (1 - scalar(group["betas"][0]) ** after["step"])


def _spread(group: Mapping[str, Any], after: State) -> Tensor:
    square = after["max_exp_avg_sq" if group.get("amsgrad") else "exp_avg_sq"]
    return root(square) / (1 - scalar(group["betas"][1]) ** after["step"]) ** 0.5 + group["eps"]
