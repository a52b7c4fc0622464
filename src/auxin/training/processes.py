"""Averages over the processes of data parallelism; with one process everything is as it is."""

from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from auxin.combiners._base import TaskLosses


def parallel() -> bool:
    """Whether several processes train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def anywhere(here: bool) -> bool:
    """Whether it is so in any of the processes."""
    if not parallel():
        return here
    on = "cuda" if dist.get_backend() == "nccl" else "cpu"
    count = torch.tensor(float(here), device=on)
    dist.all_reduce(count)
    return bool(count > 0)


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
def together(losses: TaskLosses) -> TaskLosses:
    """The losses of all processes' batches, as one row with each task's mean; as they are with one process."""
    if not parallel():
        return losses
    axes = [d for d in range(losses.values.dim()) if d != 1]
    sums = torch.where(losses.present, losses.values, 0).sum(axes)
    flat = torch.stack([sums, losses.present.sum(axes).to(sums)])
    dist.all_reduce(flat)
    return TaskLosses((flat[0] / flat[1].clamp(min=1))[None], (flat[1] > 0)[None], losses.names)


@torch.no_grad()
def average_(tensors: Iterable[Tensor]) -> None:
    """Put the mean over the processes in the place of each floating-point tensor."""
    for tensor in tensors:
        if parallel() and tensor.is_floating_point():
            dist.all_reduce(tensor)
            tensor /= dist.get_world_size()
