"""The same seed on the same machine gives the same numbers."""

import hashlib
import random

import numpy as np
import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A seed for one purpose, independent of the others: a hash, so that neighbouring seeds share nothing.

    >>> derive(0, "order") == derive(0, "order"), derive(0, "order") == derive(1, "order")
    (True, False)
    """
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose."""
    return torch.Generator(device=device).manual_seed(derive(seed, *purpose))


def seed_everything(seed: int) -> None:
    """Seed the global generators (dropout masks come from torch's) and ask for deterministic kernels."""
    random.seed(derive(seed, "python"))
    np.random.seed(derive(seed, "numpy") % 2**32)  # noqa: NPY002  the global one is what other libraries use
    torch.manual_seed(derive(seed, "torch"))
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
