"""Schedule-free AdamW (package `schedulefree`): AdamW with an average in the place of a schedule.

    s+ = b2 s + (1 - b2) g^2,   d = g / (sqrt(s+ / (1 - b2^t)) + eps) + lambda y

and then the two sequences of `_schedule_free.py` with beta = b1.
"""

import torch
from torch import Tensor

from auxin.optimizers import _schedule_free
from auxin.optimizers._arithmetic import root
from auxin.optimizers.base import Group, State, Stepped, Update


class ScheduleFreeAdamWUpdate(Update):
    """The update of `schedulefree.AdamWScheduleFree` (Defazio et al. 2024).

    L_A is taken at y+, the training point after the step, and not at the average x that is evaluated. At the first
    step d is the gradient's sign, so (dU/dg)^T v is all but zero there.

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.9, 0.999), "eps": 0.0, "weight_decay": 0, "warmup_steps": 0, "r": 0.0,
    ...          "k": 0, "weight_sum": 0.0, "lr_max": -1.0, "weight_lr_power": 2.0, "train_mode": True}
    >>> ScheduleFreeAdamWUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = "schedulefree.adamw_schedulefree.AdamWScheduleFree"

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        first, second = group["betas"]
        step = state.get("k", group["k"]) + 1
        square = state.get("exp_avg_sq", torch.zeros_like(param))
        square = square.mul(second).addcmul(grad, grad, value=1 - second)
        direction = grad / (root(square.div(1 - second**step)) + group["eps"])
        if group["weight_decay"]:
            direction = direction.add(param, alpha=group["weight_decay"])
        after, moved = _schedule_free.advance(param, direction, group, state, first)
        return after, {**moved, "exp_avg_sq": square}

    def step_size(self, group: Group) -> float:
        """The rate of this step, warm-up included."""
        return _schedule_free.rate_now(group, {})
