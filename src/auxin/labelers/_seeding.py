"""Random numbers of a labeler's own: forked from the seed by name, leaving the global random state alone."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import torch

from auxin.math.rng import under_rng

Made = TypeVar("Made")


def fork_seed(seed: int, name: str) -> int:
    """A seed of this part's own, so that it shares no random numbers with another part of the same seed."""
    return int.from_bytes(hashlib.sha256(f"labeler/{name}/{seed}".encode()).digest()[:4], "big")


def generator_of(seed: int, name: str) -> torch.Generator:
    """A random generator of this part's own, on the CPU."""
    return torch.Generator().manual_seed(fork_seed(seed, name))


def seeded(make: Callable[[], Made], seed: int, name: str) -> Made:
    """What `make` makes on the CPU under this part's own seed; the global random state stays as it was."""
    with under_rng(None):
        torch.default_generator.manual_seed(fork_seed(seed, name))
        return make()
