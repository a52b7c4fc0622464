"""Stochastic gradient descent with momentum, dampening, Nesterov's form and weight decay.

g' = g + lambda W
b+ = g' at the first step, else mu b + (1 - tau) g'
W+ = W - alpha b+, or W - alpha (g' + mu b+) with Nesterov
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend
from auxin.optimizers.base import State, Update


class SGDUpdate(Update):
    """The update of `torch.optim.SGD`.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.1, "momentum": 0.9, "dampening": 0, "nesterov": True, "weight_decay": 0}
    >>> SGDUpdate()([w], [g], group, [{}])
    [tensor([0.6200])]
    """

    handles = torch.optim.SGD
    linear = True

    def advance(
        self, param: Tensor, grad: Tensor, group: Mapping[str, Any], state: State
    ) -> tuple[Tensor, State]:
        """One step (see the module's equation)."""
        direction = decayed(param, grad, group)
        if group["momentum"]:
            old = state.get("momentum_buffer")
            buffer = _moved(old, direction, group)
            state = {**state, "momentum_buffer": buffer}
            direction = direction.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
        return descend(param, group["lr"], direction), state

    def pull(
        self, param: Tensor, grad: Tensor, group: Mapping[str, Any], state: State, cotangent: Tensor
    ) -> Tensor:
        """(dU/dg)^T times a cotangent: a number times it."""
        factor = -group["lr"] * (-1.0 if group.get("maximize") else 1.0)
        if group["momentum"]:
            kept = 1.0 if state.get("momentum_buffer") is None else 1 - group["dampening"]
            factor = factor * (1 + group["momentum"] * kept if group["nesterov"] else kept)
        return cotangent * factor


def _moved(buffer: Tensor | None, direction: Tensor, group: Mapping[str, Any]) -> Tensor:
    if buffer is None:
        return direction
    return buffer.mul(group["momentum"]).add(direction, alpha=1 - group["dampening"])
