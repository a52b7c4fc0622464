"""Adadelta: the gradient in units of the parameter's own recent steps.

s+ = rho s + (1 - rho) g^2,   d = sqrt(a + eps) / sqrt(s+ + eps) g
a+ = rho a + (1 - rho) d^2,   W+ = W - alpha d
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend, scalar
from auxin.optimizers.base import Group, State, Stepped, Update


class AdadeltaUpdate(Update):
    """The update of `torch.optim.Adadelta` (Zeiler 2012, algorithm 1).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "rho": 0.0, "eps": 1e-6, "weight_decay": 0}
    >>> AdadeltaUpdate()([w], [g], group, [{"acc_delta": torch.tensor([1.0])}])
    [tensor([0.5000])]
    """

    handles = torch.optim.Adadelta

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        grad = decayed(param, grad, group)
        keep, eps, zero = group["rho"], group["eps"], torch.zeros_like(grad)
        square = state.get("square_avg", zero).mul(keep).addcmul(grad, grad, value=1 - keep)
        moved = state.get("acc_delta", zero)
        delta = moved.add(eps).sqrt() / square.add(eps).sqrt() * grad
        return descend(param, group["lr"], delta), {
            "step": scalar(state.get("step", 0.0)) + 1,
            "square_avg": square,
            "acc_delta": moved.mul(keep).addcmul(delta, delta, value=1 - keep),
        }
