"""The few operations that torch.optim's updates share, in torch.optim's own order of rounding."""

from typing import Any

import torch
from torch import Tensor

from auxin.math.deferred import traced
from auxin.optimizers.base import Group


def scalar(value: float | Tensor) -> Any:
    """A hyperparameter or step count as a number; one on a device stays there (no synchronisation)."""
    return (
        value.item() if isinstance(value, Tensor) and value.device.type == "cpu" and not traced() else value
    )


def descend(param: Tensor, rate: Any, direction: Tensor) -> Tensor:
    """param - rate * direction."""
    rate = scalar(rate)
    return param - rate * direction if isinstance(rate, Tensor) else param.add(direction, alpha=-rate)


def descend_quotient(param: Tensor, rate: Any, numerator: Tensor, denominator: Tensor) -> Tensor:
    """param - rate * numerator / denominator."""
    rate = scalar(rate)
    if isinstance(rate, Tensor):
        return param - rate * numerator / denominator
    return param.addcdiv(numerator, denominator, value=-rate)


def signed(grad: Tensor, group: Group) -> Tensor:
    """The gradient to descend: its negative where the optimiser maximises."""
    return -grad if group.get("maximize") else grad


def decayed(param: Tensor, grad: Tensor, group: Group) -> Tensor:
    """The signed gradient plus weight_decay * param (L2, coupled)."""
    grad = signed(grad, group)
    decay = group.get("weight_decay", 0)
    return grad.add(param, alpha=decay) if decay else grad


def weight_decay(param: Tensor, grad: Tensor, group: Group, rate: Any) -> tuple[Tensor, Tensor]:
    """Parameter and signed gradient after weight decay: of the parameter if it is decoupled, else in the gradient."""
    if group.get("decoupled_weight_decay"):
        return param * (1 - rate * group["weight_decay"]), signed(grad, group)
    return param, decayed(param, grad, group)


def root(value: Tensor) -> Tensor:
    """The square root, whose derivative at zero is taken to be zero.

    Second moments of parameters that have never had a gradient are zero; their square root's derivative there
    is infinite, and would turn into NaN a product that is zero.
    """
    positive = value > 0
    return torch.where(positive, torch.where(positive, value, 1).sqrt(), value)
