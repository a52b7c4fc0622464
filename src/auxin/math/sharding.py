"""Networks whose parameters are spread over processes (`torch.distributed.fsdp.fully_shard`)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def is_sharded(network: nn.Module) -> bool:
    """Whether this process holds parts of parameters only (`DTensor`), but for the time of a forward pass.

    >>> is_sharded(nn.Linear(2, 1))
    False
    """
    if _alone():
        return False
    gathers = any(hasattr(m, "reshard") and hasattr(m, "unshard") for m in network.modules())
    return gathers or any(hasattr(p, "to_local") for p in network.parameters())


def shard(tensor: Any) -> Any:
    """This process's part of a `DTensor`, sharing its memory; anything else as it is."""
    local = getattr(tensor, "to_local", None)
    return tensor if local is None else local().detach()


def reshard(network: nn.Module) -> None:
    """Let go of whole parameters that a forward pass gathered, so that the next one gathers them anew.

    Until then the network's parameters are those whole ones: look at its parameters only afterwards.
    """
    if _alone():
        return
    for module in network.modules():
        let_go = getattr(module, "reshard", None)
        if callable(let_go):
            let_go()


def _alone() -> bool:
    """Whether there is no group of processes, which every `DTensor` lies in."""
    return not (torch.distributed.is_available() and torch.distributed.is_initialized())


def total(parts: Iterable[Tensor], parameters: Iterable[Tensor]) -> Tensor:
    """The sum over all processes of one number for each parameter; those of parameters that are whole count once."""
    world = torch.distributed.get_world_size()
    terms = [
        part if hasattr(p, "to_local") else part / world for part, p in zip(parts, parameters, strict=True)
    ]
    found = torch.stack(terms).sum()
    torch.distributed.all_reduce(found)
    return found


def anywhere(flag: bool, like: Tensor) -> bool:
    """Whether the flag is set in any of the processes; `like` is on the device that they communicate by."""
    found = torch.tensor(float(flag), device=like.device)
    torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
    return bool(found)
