"""Wrappers of optimisers that step exactly as what they wrap; every other wrapper is refused by its name."""

from typing import Any

import torch

from auxin.errors import ConfigError, UnsupportedError, message

TRANSPARENT = (
    "accelerate.optimizer.AcceleratedOptimizer",
    "lightning.fabric.wrappers._FabricOptimizer",
    "lightning.pytorch.core.optimizer.LightningOptimizer",
    "lightning_fabric.wrappers._FabricOptimizer",
    "pytorch_lightning.core.optimizer.LightningOptimizer",
)
"""Classes that keep an optimiser as `.optimizer` and whose step is its step."""


def unwrapped(optimizer: Any) -> Any:
    """The optimiser itself, out of wrappers that are known to change nothing; anything else as it is.

    Raises:
        UnsupportedError: a wrapper that is not known, whose own step may differ from that of what it wraps.
    """
    while not _plain(optimizer) and (inner := getattr(optimizer, "optimizer", None)) is not None:
        if not any(_name(kind) in TRANSPARENT for kind in type(optimizer).__mro__):
            raise UnsupportedError(
                message(
                    f"The optimiser {_name(type(optimizer))} wraps {type(inner).__name__} and may step otherwise",
                    expected="a torch.optim.Optimizer, or a wrapper of Accelerate, Lightning or Fabric",
                    do='Give the optimiser that steps by itself, or use estimator="implicit", which does not look at '
                    "the step.",
                )
            )
        optimizer = inner
    return optimizer


def as_optimizer(optimizer: Any) -> torch.optim.Optimizer:
    """The torch optimiser that was meant.

    Raises:
        ConfigError: it is no optimiser.
        UnsupportedError: it is a wrapper that is not known.
    """
    found = unwrapped(optimizer)
    if not isinstance(found, torch.optim.Optimizer):
        raise ConfigError(
            message(
                "The look-ahead needs the network's optimiser",
                expected="a torch.optim.Optimizer, or an `InnerStep` where gradients are clipped",
                found=type(optimizer).__name__,
            )
        )
    return found


def _plain(optimizer: Any) -> bool:
    """Whether it is one of torch's own optimisers, by exactly its class."""
    return type(optimizer).__module__.startswith("torch.optim.")


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
