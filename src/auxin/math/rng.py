"""The random state of every device, saved and put back, so that two passes draw the same dropout masks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rng:
    """The state of torch's default generators: the CPU's, and each CUDA device's where CUDA is in use."""

    cpu: Tensor
    cuda: tuple[Tensor, ...]


def save_rng() -> Rng:
    """The random state of every device now."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return Rng(torch.get_rng_state(), tuple(cuda))


def restore_rng(state: Rng) -> None:
    """Put a saved random state back."""
    torch.set_rng_state(state.cpu)
    if state.cuda:
        torch.cuda.set_rng_state_all(list(state.cuda))


@contextmanager
def under_rng(state: Rng | None) -> Iterator[None]:
    """Run under a saved random state (None: the present one), then put the present one back.

    >>> state = save_rng()
    >>> with under_rng(state):
    ...     first = torch.rand(3)
    >>> bool((first == torch.rand(3)).all())
    True
    """
    present = save_rng()
    try:
        if state is not None:
            restore_rng(state)
        yield
    finally:
        restore_rng(present)
