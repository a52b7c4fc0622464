"""NAdam: Adam with Nesterov's look-ahead on the first moment.

    mu_t = b1 (1 - 0.96^(t psi) / 2),   M_t = mu_1 ... mu_t,   d = sqrt(s+ / (1 - b2^t)) + eps
    W+ = W - alpha (1 - mu_t) / (1 - M_t) g / d - alpha mu_(t+1) / (1 - M_(t+1)) m+ / d

Here m+ and s+ are Adam's moments and psi is the momentum's decay.
"""

from typing import Any

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import descend_quotient, root, scalar, weight_decay
from auxin.optimizers.adam import moments
from auxin.optimizers.base import Group, State, Stepped, Update


class NAdamUpdate(Update):
    """The update of `torch.optim.NAdam`.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.0, 0.999), "eps": 0.0, "weight_decay": 0, "momentum_decay": 0.0}
    >>> NAdamUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.NAdam

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        rate = group["lr"]
        param, grad = weight_decay(param, grad, group, rate)
        after = moments(grad, group, state)
        mu, mu_next = _momentum(group, after["step"]), _momentum(group, after["step"] + 1)
        after["mu_product"] = state.get("mu_product", torch.ones(())) * mu
        product = scalar(after["mu_product"])
        spread = root(after["exp_avg_sq"].div(1 - group["betas"][1] ** after["step"])).add(group["eps"])
        param = descend_quotient(param, rate * (1.0 - mu) / (1.0 - product), grad, spread)
        return descend_quotient(
            param, rate * mu_next / (1.0 - product * mu_next), after["exp_avg"], spread
        ), after


def _momentum(group: Group, step: Any) -> Any:
    return group["betas"][0] * (1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"]))
