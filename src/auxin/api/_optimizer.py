"""The user's optimiser: out of its wrappers, and refused early where it cannot serve."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, message
from auxin.optimizers import update_for


def unwrapped(optimizer: Any) -> Any:
    """The optimiser itself, out of wrappers that keep it as `.optimizer`."""
    while (inner := getattr(optimizer, "optimizer", None)) is not None:
        optimizer = inner
    return optimizer


def checked(optimizer: Any, parameters: Sequence[Tensor], phi: Sequence[Tensor], *, needed: bool) -> None:
    """Refuse an optimiser that does not train the network, that holds phi, or that cannot be looked through.

    Args:
        optimizer: the user's, or None.
        parameters: the network's trainable ones.
        phi: the auxiliary ones.
        needed: whether the estimator looks through its step.
    """
    if optimizer is None and not needed:
        return
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(
            message(
                "The meta step needs the network's optimiser",
                expected="a torch.optim.Optimizer",
                found=type(optimizer).__name__,
                do="Call `aux.after_step(optimizer, meta)`.",
            )
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if held & {id(p) for p in phi}:
        raise ConfigError(
            message(
                "The optimiser holds phi, which would drift to whatever makes the training loss small",
                do="Give it the network's parameters only.",
            )
        )
    if not held & {id(p) for p in parameters}:
        raise ConfigError(
            message(
                "The optimiser holds none of the network's trainable parameters",
                do="Give the one that trains it.",
            )
        )
    if needed:
        update_for(optimizer)
