"""Adagrad: the gradient over the root of the sum of all squares so far.

With t the number of steps taken before this one and eta the decay of the learning rate:

    s+ = s + g^2;   W+ = W - alpha / (1 + t eta) * g / (sqrt(s+) + eps)
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend_quotient, root, scalar
from auxin.optimizers.base import Group, State, Stepped, Update


class AdagradUpdate(Update):
    """The update of `torch.optim.Adagrad`.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "lr_decay": 0.0, "eps": 0.0, "weight_decay": 0}
    >>> AdagradUpdate()([w], [g], group, [{"step": 0.0, "sum": torch.tensor([12.0])}])
    [tensor([0.7500])]
    """

    handles = torch.optim.Adagrad

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        grad = decayed(param, grad, group)
        step = scalar(state.get("step", 0.0)) + 1
        total = state.get("sum", torch.zeros_like(param)).addcmul(grad, grad, value=1)
        rate = group["lr"] / (1 + (step - 1) * group["lr_decay"])
        return descend_quotient(param, rate, grad, root(total).add(group["eps"])), {
            "step": step,
            "sum": total,
        }
