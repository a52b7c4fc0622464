"""How exactly to compute: float32, TF32 or bfloat16 forwards, and the memory order of images.

| precision | forwards of ordinary gradients | JVPs, Hessian products | criterion, solvers, optimisers |
| --- | --- | --- | --- |
| float32 | float32 | float32 | float32 |
| tf32 | float32, products in TF32 on a GPU that has it | the same | float32 |
| bfloat16 | autocast to bfloat16 | as in tf32 | float32 |

A finite difference is refused under bfloat16.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from auxin.catalogue import check_choice
from auxin.models import PrimaryNetwork
from auxin.typing import Batch

PRECISIONS = ("float32", "tf32", "bfloat16")


@dataclass(frozen=True)
class Precision:
    """The numbers' format and the images' memory order.

    Args:
        name: Name of the precision: float32, tf32 or bfloat16.
        channels_last: Images [B, C, H, W] and the weights of convolutions with the channels innermost.

    Raises:
        ConfigError: The name is unknown.

    >>> with Precision("bfloat16").autocast("cpu")():
    ...     nn.Linear(2, 1)(torch.zeros(1, 2)).dtype
    torch.bfloat16
    """

    name: str = "float32"
    channels_last: bool = False

    def __post_init__(self) -> None:
        check_choice("precision", self.name, PRECISIONS)

    @classmethod
    def of(cls, network: PrimaryNetwork, name: str, channels_last: bool | None) -> "Precision":
        """The precision for a network; `channels_last` None: on a CPU, where the trunk is faster so."""
        if channels_last is None:
            on_cpu = next(network.parameters()).device.type == "cpu"
            channels_last = on_cpu and bool(getattr(network.trunk, "channels_last", False))
        return cls(name, channels_last)

    def autocast(self, device: str) -> Callable[[], AbstractContextManager[Any]]:
        """The context of the forwards of ordinary gradients."""
        if self.name != "bfloat16":
            return nullcontext
        return partial(torch.autocast, device, dtype=torch.bfloat16)

    def prepare(self, *networks: nn.Module) -> None:
        """Order the networks' weights, and tell a GPU whether TF32 will do (for the whole process)."""
        if self.channels_last:
            for network in networks:
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if any(p.is_cuda for network in networks for p in network.parameters()):
            allow_tf32(self.name != "float32")

    def place(self, batch: Batch) -> Batch:
        """The batch with its images in the memory order."""
        if not self.channels_last or batch.x.dim() != 4:
            return batch
        return replace(batch, x=batch.x.contiguous(memory_format=torch.channels_last))

    def place_both(self, batch: Batch, meta: Batch) -> tuple[Batch, Batch]:
        """A training and a meta batch in the memory order; one copy where they are one batch."""
        placed = self.place(batch)
        return placed, placed if meta is batch else self.place(meta)


def allow_tf32(allowed: bool) -> None:
    """Let products and convolutions of float32 be computed in TF32, or not, in this process."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
