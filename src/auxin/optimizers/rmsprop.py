"""RMSprop: the gradient over a running root mean square, plain or centred, with momentum.

With s+ = a s + (1 - a) g^2 and, where centred, m+ = a m + (1 - a) g, s+ replaced by s+ - m+^2 in the
quotient:

    b+ = mu b + g / (sqrt(s+) + eps);   W+ = W - alpha b+
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend, descend_quotient, root, scalar
from auxin.optimizers.base import Group, State, Stepped, Update


class RMSpropUpdate(Update):
    """The update of `torch.optim.RMSprop`.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "alpha": 0.75, "eps": 0.0, "weight_decay": 0, "momentum": 0, "centered": False}
    >>> RMSpropUpdate()([w], [g], group, [{}])
    [tensor([0.])]
    """

    handles = torch.optim.RMSprop

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        grad = decayed(param, grad, group)
        keep, zero = group["alpha"], torch.zeros_like(param)
        square = state.get("square_avg", zero).mul(keep).addcmul(grad, grad, value=1 - keep)
        after = {"step": scalar(state.get("step", 0.0)) + 1, "square_avg": square}
        if group["centered"]:
            after["grad_avg"] = state.get("grad_avg", zero).lerp(grad, 1 - keep)
            square = square.addcmul(after["grad_avg"], after["grad_avg"], value=-1)
        spread = root(square).add(group["eps"])
        if not group["momentum"]:
            return descend_quotient(param, group["lr"], grad, spread), after
        buffer = state.get("momentum_buffer", zero).mul(group["momentum"]).addcdiv(grad, spread)
        return descend(param, group["lr"], buffer), {**after, "momentum_buffer": buffer}
