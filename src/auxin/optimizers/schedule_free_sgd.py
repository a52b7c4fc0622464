"""Schedule-free SGD (package `schedulefree`): a constant rate, with an average in the place of a schedule."""

from torch import Tensor

from auxin.optimizers import _schedule_free
from auxin.optimizers.base import Group, State, Stepped, Update


class ScheduleFreeSGDUpdate(Update):
    """The update of `schedulefree.SGDScheduleFree` (Defazio et al. 2024; equations in `_schedule_free.py`).

    L_A is taken at y+, the training point after the step, and not at the average x that is evaluated.

    >>> import torch
    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "momentum": 0.75, "weight_decay": 0, "warmup_steps": 0, "r": 0.0, "k": 0,
    ...          "weight_sum": 0.0, "lr_max": -1.0, "weight_lr_power": 2.0, "train_mode": True}
    >>> ScheduleFreeSGDUpdate()([w], [g], group, [{}])
    [tensor([0.])]
    """

    handles = "schedulefree.sgd_schedulefree.SGDScheduleFree"

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        decay = group["weight_decay"]
        direction = grad.add(param, alpha=decay) if decay else grad
        return _schedule_free.advance(param, direction, group, state, group["momentum"])

    def step_size(self, group: Group) -> float:
        """The rate of this step, warm-up included."""
        return _schedule_free.rate_now(group, {})
