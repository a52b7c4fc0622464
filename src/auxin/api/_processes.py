"""Averages over the processes of data parallelism; with one process everything is as it is."""

from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor


def parallel() -> bool:
    """Whether several processes train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def averaged(tensors: Sequence[Tensor] | None, like: Sequence[Tensor]) -> list[Tensor] | None:
    """The mean over those processes that have something; None where none has.

    Args:
        tensors: this process's, or None.
        like: their shapes.
    """
    if not parallel():
        return None if tensors is None else list(tensors)
    own = [torch.zeros_like(p) for p in like] if tensors is None else tensors
    flat = torch.cat(
        [*(t.detach().flatten() for t in own), like[0].new_full((1,), float(tensors is not None))]
    )
    dist.all_reduce(flat)
    if float(flat[-1]) == 0:
        return None
    parts = (flat[:-1] / flat[-1]).split([p.numel() for p in like])
    return [part.view_as(p) for part, p in zip(parts, like, strict=True)]


@torch.no_grad()
def average_(tensors: Iterable[Tensor]) -> None:
    """Put the mean over the processes in the place of each floating-point tensor."""
    for tensor in tensors:
        if parallel() and tensor.is_floating_point():
            dist.all_reduce(tensor)
            tensor /= dist.get_world_size()
