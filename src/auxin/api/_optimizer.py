"""The user's optimisers: out of known wrappers, and refused early where they cannot serve."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.optimizers import update_for

WRAPPERS = (
    "accelerate.optimizer.AcceleratedOptimizer",
    "lightning.pytorch.core.optimizer.LightningOptimizer",
    "pytorch_lightning.core.optimizer.LightningOptimizer",
    "lightning.fabric.wrappers._FabricOptimizer",
    "lightning_fabric.wrappers._FabricOptimizer",
)
"""Wrappers whose step is the step of their `.optimizer`. Others (Lookahead, SAM) step in a way of their own."""


def unwrapped(optimizer: Any) -> list[Any]:
    """The optimisers themselves: one, several in a list or a mapping, each out of its known wrapper.

    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    >>> len(unwrapped([sgd, sgd])), unwrapped(None)
    (2, [])
    """
    if optimizer is None:
        return []
    if isinstance(optimizer, Mapping):
        optimizer = list(optimizer.values())
    if isinstance(optimizer, list | tuple):
        return [found for each in optimizer for found in unwrapped(each) or [each]]
    while any(f"{kind.__module__}.{kind.__qualname__}" in WRAPPERS for kind in type(optimizer).__mro__):
        optimizer = optimizer.optimizer
    return [optimizer]


def checked(
    optimizers: Sequence[Any], parameters: Mapping[str, Tensor], phi: Sequence[Tensor], *, needed: bool
) -> list[str]:
    """Refuse optimisers that do not train the network, that hold phi, or that cannot be looked through.

    Args:
        optimizers: The user's, unwrapped; none where the user gave none.
        parameters: The network's trainable ones, by name.
        phi: The auxiliary ones.
        needed: Whether the estimator looks through the step.

    Returns:
        The names of the trainable parameters that no optimiser holds.

    Raises:
        ConfigError: No optimiser where one is needed, one that is none, one that does not fit the network, or a
            parameter in two of them where the estimator looks through the step.
        UnsupportedError: One that cannot be looked through.
    """
    if not optimizers and not needed:
        return []
    _refuse_others(optimizers)
    held = [{id(p) for group in each.param_groups for p in group["params"]} for each in optimizers]
    if any(each & {id(p) for p in phi} for each in held):
        raise ConfigError(
            "The optimiser holds phi, which would drift to whatever makes the training loss small",
            do="Give it the network's parameters only.",
        )
    if not any(each & {id(p) for p in parameters.values()} for each in held):
        raise ConfigError(
            "The optimiser holds none of the network's trainable parameters",
            do="Give the one that trains it.",
        )
    if needed:
        twice = [name for name, p in parameters.items() if sum(id(p) in each for each in held) > 1]
        if twice:
            raise ConfigError(
                "Two optimisers hold the same parameter, so the next step is not defined",
                expected="each parameter in one optimiser",
                found=f"in several: {', '.join(twice[:5])}{' and others' if len(twice) > 5 else ''}",
                do="Leave them in one of the optimisers (PyTorch's GradScaler would also divide their gradients twice)",
            )
        for each in optimizers:
            update_for(each)
    return [name for name, p in parameters.items() if not any(id(p) in each for each in held)]


def _refuse_others(optimizers: Sequence[Any]) -> None:
    wrong = [each for each in optimizers if not isinstance(each, torch.optim.Optimizer)]
    if optimizers and not wrong:
        return
    found = type(wrong[0]).__name__ if wrong else "None"
    wrapper = bool(wrong) and hasattr(wrong[0], "optimizer")
    raise ConfigError(
        "The meta step needs the network's optimiser",
        expected="a torch.optim.Optimizer, or several in a list",
        found=f"{found}, a wrapper whose step is not known" if wrapper else found,
        do="Call `aux.after_step(optimizer, meta)`"
        + (", with the wrapped optimiser if the wrapper steps exactly as it does." if wrapper else "."),
    )
