"""Adamax: Adam with the largest recent gradient in the place of the root mean square.

    m+ = b1 m + (1 - b1) g,   u+ = max(b2 u, |g| + eps),   W+ = W - alpha / (1 - b1^t) m+ / u+

At the first step the update is the gradient's sign, so (dU/dg)^T v is all but zero there.
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend_quotient, scalar
from auxin.optimizers.base import Group, State, Stepped, Update


class AdamaxUpdate(Update):
    """The update of `torch.optim.Adamax` (Kingma and Ba 2015, algorithm 2).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.9, 0.999), "eps": 0.0, "weight_decay": 0}
    >>> AdamaxUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.Adamax

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        grad = decayed(param, grad, group)
        first, second = (scalar(b) for b in group["betas"])
        step = scalar(state["step"]) + 1 if state else 1.0
        zero = torch.zeros_like(grad)
        mean = state.get("exp_avg", zero).lerp(grad, 1 - first)
        largest = torch.maximum(state.get("exp_inf", zero) * second, grad.abs() + group["eps"])
        rate = scalar(group["lr"]) / (1 - first**step)
        return descend_quotient(param, rate, mean, largest), {
            "step": step,
            "exp_avg": mean,
            "exp_inf": largest,
        }
