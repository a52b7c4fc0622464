"""Averaged stochastic gradient descent: plain steps at a falling rate; the average is kept aside.

    W+ = (1 - lambda eta) W - eta g,   eta+ = alpha / (1 + lambda alpha t)^power

eta is the optimiser's own state, so a scheduler's new rate acts from the second step on. The running average
`ax` is what its paper evaluates; L_A is taken at W+, as the step leaves the network.
"""

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import decayed, descend, scalar
from auxin.optimizers.base import Group, State, Stepped, Update


class ASGDUpdate(Update):
    """The update of `torch.optim.ASGD` (Polyak and Juditsky 1992).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.25, "lambd": 0.0, "alpha": 0.75, "t0": 1e6, "weight_decay": 0}
    >>> ASGDUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.ASGD

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        grad = decayed(param, grad, group)
        rate, shrink = scalar(group["lr"]), group["lambd"]
        step = scalar(state.get("step", 0.0)) + 1
        eta, mu = scalar(state.get("eta", torch.tensor(rate))), scalar(state.get("mu", 1.0))
        after = descend(param * (1 - shrink * eta), eta, grad)
        average = state.get("ax", torch.zeros_like(param))
        return after, {
            "step": step,
            "eta": torch.tensor(rate / (1 + shrink * rate * step) ** group["alpha"]),
            "mu": 1 / max(1.0, step - group["t0"]),
            "ax": after if mu == 1 else average + (after - average) * mu,
        }
