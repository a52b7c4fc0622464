"""Stochastic gradient descent with momentum, dampening, Nesterov's form and weight decay.

g' = g + lambda W
b+ = g' at the first step, else mu b + (1 - tau) g'
W+ = W - alpha b+, or W - alpha (g' + mu b+) with Nesterov
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend
from auxin.optimizers.base import Group, State, Stepped, Update


class SGDUpdate(Update):
    """The update of `torch.optim.SGD`.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.1, "momentum": 0.9, "dampening": 0, "nesterov": True, "weight_decay": 0}
    >>> SGDUpdate()([w], [g], group, [{}])
    [tensor([0.6200])]
    """

    handles = torch.optim.SGD
    linear = True

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step (see the module's equation)."""
        direction = decayed(param, grad, group)
        if group["momentum"]:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = direction
            else:
                buffer = buffer.mul(group["momentum"]).add(direction, alpha=1 - group["dampening"])
            state = {**state, "momentum_buffer": buffer}
            direction = direction.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
        return descend(param, group["lr"], direction), state

    def pull(self, param: Tensor, grad: Tensor, group: Group, state: State, cotangent: Tensor) -> Tensor:
        """(dU/dg)^T times a cotangent: a number times it."""
        factor = -group["lr"] * (-1.0 if group.get("maximize") else 1.0)
        if group["momentum"]:
            kept = 1.0 if state.get("momentum_buffer") is None else 1 - group["dampening"]
            factor = factor * (1 + group["momentum"] * kept if group["nesterov"] else kept)
        return cotangent * factor
