"""The states of what draws random numbers, and NumPy's arrays: read, compared and put back."""

import pickle
import random
import sys
from typing import Any

import torch
from torch import Tensor

MOST = 65536
"""The largest NumPy array that is copied."""


def state_of(generator: Any) -> Any:
    """The state of a random generator that a module keeps; None of anything else."""
    if isinstance(generator, str | int | float | Tensor | None):
        return None
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(generator, numpy.random.Generator):
        return generator.bit_generator.state
    if numpy is not None and isinstance(generator, numpy.random.RandomState):
        return generator.get_state()
    return None


def is_array(value: Any) -> bool:
    """Whether it is a NumPy array of numbers that may be written into and is small enough to be copied."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray):
        return False
    return bool(value.size <= MOST and value.dtype.kind in "biufc" and value.flags.writeable)


def bytes_of(state: Any) -> bytes:
    """A state as bytes, to be compared."""
    return state.numpy().tobytes() if isinstance(state, Tensor) else pickle.dumps(state)


def restore(generator: Any, state: Any) -> None:
    """Give a generator the state that it had."""
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)
