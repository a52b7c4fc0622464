"""What the processes of data parallelism tell one another; with one process everything is as it is.

Every process combines the losses of *all* rows, of which only its own have a graph. Their gradient is multiplied by the
number of processes, so that the mean over the processes, which data parallelism takes, is the gradient that one process
with the whole batch has, however the labels are spread. Losses are exchanged once per step and never inside the
training loss, which estimators may call a different number of times in each process.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from auxin.combiners.base import TaskLosses
from auxin.errors import RunError
from auxin.training.task_losses import Entry, mean

if dist.is_available():
    # Imported before a loop joins its processes. Its functions' defaults take the process group there is when it is
    # imported, which torch's optimizers do: after `init_process_group`, the group's threads outlive
    # `destroy_process_group` and, at times, abort the process at its end.
    import torch.distributed.nn


def parallel() -> bool:
    """Whether several processes train together."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if parallel() else 1


def place() -> tuple[int, int]:
    """This process's rank, and how many train together."""
    return (dist.get_rank(), dist.get_world_size()) if parallel() else (0, 1)


def gathered(own: Tensor) -> list[Tensor]:
    """Every process's tensor in the order of their ranks; they may differ in their first dimension alone."""
    size = torch.tensor([len(own)], device=own.device)
    sizes = [torch.zeros_like(size) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, size)
    counts = [int(n) for n in sizes]
    padded = torch.cat([own, own.new_zeros(max(counts) - len(own), *own.shape[1:])]).contiguous()
    found = [torch.zeros_like(padded) for _ in counts]
    dist.all_gather(found, padded)
    return [tensor[:count] for tensor, count in zip(found, counts, strict=True)]


def summed(value: float, like: Tensor) -> float:
    """The sum of a number over the processes."""
    total = torch.tensor(float(value), device=like.device, dtype=torch.float64)
    dist.all_reduce(total)
    return float(total)


@dataclass(frozen=True, eq=False)
class RemoteLosses:
    """The losses of the other processes' rows, as constants.

    Attributes:
        before: Values and presence [R, T, ...] of the rows of lower ranks.
        after: Values and presence of the rows of higher ranks.
    """

    before: tuple[Tensor, Tensor]
    after: tuple[Tensor, Tensor]

    def join(self, values: Sequence[Tensor], present: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Each task's losses over all rows; the gradient of this process's rows is multiplied by the process count."""
        own, there = _spread(torch.stack(list(values), 1), self.sides), torch.stack(list(present), 1)
        scaled = own.detach() + dist.get_world_size() * (own - own.detach())
        whole = torch.cat([self.before[0].to(own), scaled, self.after[0].to(own)])
        presence = torch.cat([self.before[1], _spread(there, self.sides), self.after[1]])
        return list(whole.unbind(1)), list(presence.unbind(1))

    def own(self, rows: Tensor) -> Tensor:
        """This process's rows of a tensor over all rows."""
        return rows[len(self.before[0]) : len(rows) - len(self.after[0])]

    @property
    def sides(self) -> torch.Size:
        """The size of loss images; empty where losses are per sample."""
        return self.before[0].shape[2:]


def own_mean(task: int, entries: Sequence[Entry], losses: TaskLosses, others: RemoteLosses | None) -> Tensor:
    """A task's mean loss with a graph through its own head alone.

    Under data parallelism it is this process's share of the mean over all rows, times the number of processes.
    """
    found = mean(*entries[task])
    if others is None:
        return found
    present = losses.present[:, task]
    return found * (world_size() * others.own(present).sum() / present.sum().clamp(min=1))


@torch.no_grad()
def exchanged(values: Sequence[Tensor], present: Sequence[Tensor], like: Tensor) -> RemoteLosses | None:
    """The losses of the other processes; None with one process.

    Args:
        values: Losses of each task, [B] or [B, H, W].
        present: Masks of the entries that carry a label.
        like: A parameter of the network, for the device and the type, which have to be the same everywhere.
    """
    if not parallel():
        return None
    own, there = torch.stack(list(values), 1), torch.stack(list(present), 1).to(like.device)
    own = own.to(like.device, like.dtype)
    sides = torch.tensor([own.dim(), *(own.shape[2:] or (1, 1))], device=like.device)
    dist.all_reduce(sides, dist.ReduceOp.MAX)
    dims, *largest = sides.tolist()
    shape = torch.Size(largest if dims > 2 else [])
    parts = gathered(_spread(own, shape).contiguous())
    masks = [m > 0 for m in gathered(_spread(there, shape).to(torch.uint8).contiguous())]
    rank = dist.get_rank()
    empty = parts[0][:0], masks[0][:0]
    before = torch.cat([empty[0], *parts[:rank]]), torch.cat([empty[1], *masks[:rank]])
    after = torch.cat([empty[0], *parts[rank + 1 :]]), torch.cat([empty[1], *masks[rank + 1 :]])
    return RemoteLosses(before, after)


def _spread(rows: Tensor, sides: torch.Size) -> Tensor:
    """[B, T] at every pixel of images of this size; what has pixels as it is."""
    return rows if rows.dim() > 2 or not sides else rows[:, :, None, None].expand(-1, -1, *sides)


def anywhere(here: bool) -> bool:
    """Whether it is so in any of the processes."""
    if not parallel():
        return here
    on = "cuda" if dist.get_backend() == "nccl" else "cpu"
    count = torch.tensor(float(here), device=on)
    dist.all_reduce(count)
    return bool(count > 0)


@contextmanager
def together(active: bool = True) -> Iterator[None]:
    """Let an error in one process be an error in all, which would otherwise wait for it for ever.

    Args:
        active: Whether all processes come here; if not, nothing is sent.

    Raises:
        RunError: another process failed.
    """
    try:
        yield
    except Exception:
        if active:
            anywhere(True)
        raise
    if active and anywhere(False):
        raise RunError("Another process failed at this step", do="Read the error that it printed.")


def averaged(tensors: Sequence[Tensor] | None, like: Sequence[Tensor]) -> list[Tensor] | None:
    """The mean over those processes that have something; None where none has.

    Args:
        tensors: Tensors of this process, or None.
        like: Tensors of the same shapes.
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
