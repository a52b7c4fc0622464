"""Training seeds the global random generators; what a library does inside a user's program must not."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from auxin.math.rng import under_rng


@contextmanager
def undisturbed() -> Iterator[None]:
    """Afterwards the random generators of Python, NumPy and torch, and cuDNN's choices, are as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  the global one is what is disturbed
    kernels = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    try:
        with under_rng(None):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = kernels
