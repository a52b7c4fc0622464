"""RAdam: Adam whose adaptive rate waits until the variance of the second moment is tractable.

    rho_inf = 2 / (1 - b2) - 1,   rho_t = rho_inf - 2 t b2^t / (1 - b2^t),   m' = m+ / (1 - b1^t)
    W+ = W - alpha m' r_t sqrt(1 - b2^t) / (sqrt(s+) + eps)   where rho_t > 5
    W+ = W - alpha m'                                         otherwise

Here m+ and s+ are Adam's moments and
r_t^2 = (rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t). In the first steps the update is
linear in the gradient, so a hypergradient through a cold RAdam does not vanish as it does through Adam.
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import descend, root, scalar, weight_decay
from auxin.optimizers.adam import moments
from auxin.optimizers.base import Group, State, Stepped, Update

_TRACTABLE = 5.0


class RAdamUpdate(Update):
    """The update of `torch.optim.RAdam` (Liu et al. 2020, algorithm 2, with torch's threshold of 5).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.9, 0.999), "eps": 0.0, "weight_decay": 0}
    >>> RAdamUpdate()([w], [g], group, [{}])
    [tensor([0.])]
    """

    handles = torch.optim.RAdam

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        rate = scalar(group["lr"])
        param, grad = weight_decay(param, grad, group, rate)
        after = moments(grad, group, state)
        first, second = (scalar(b) for b in group["betas"])
        step = after["step"]
        correction = 1 - second**step
        mean = after["exp_avg"] / (1 - first**step)
        longest = 2 / (1 - second) - 1
        length = longest - 2 * step * second**step / correction
        if length > _TRACTABLE:
            rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            adaptive = correction**0.5 / (root(after["exp_avg_sq"]) + group["eps"])
            mean = mean * adaptive * rectified**0.5
        return descend(param, rate, mean), after
