"""What the estimators do around a training: arguments are checked, decisions told, generators put back."""

import math
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from auxin.errors import ConfigError, DecisionWarning
from auxin.math.rng import under_rng
from auxin.studies.fit_job import EpochProgress

FEWEST_ROWS = 10
"""The least that `max_rows` may be."""


def check_arguments(given: Mapping[str, Any]) -> None:
    """Refuse values of arguments that mean nothing, for the search or for one network.

    Args:
        given: The estimator's arguments, by name.

    Raises:
        ConfigError: The first of them, with what was expected.

    >>> check_arguments({"steps": 0})
    Traceback (most recent call last):
    auxin.errors.ConfigError: steps=0 is not usable. Expected None or a whole number, at least 1.
    """
    for name, value in given.items():
        usable, expected = _RULES.get(name, (None, ""))
        if usable is not None and not usable(value):
            raise ConfigError(f"{name}={value!r} is not usable", expected=expected)


def _number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool) and math.isfinite(float(value))


def _whole(value: Any, least: int) -> bool:
    return _number(value) and float(value) == int(value) and value >= least


def _columns(value: Any) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return value is None or (listed and all(isinstance(name, str) for name in value))


_COLUMNS = _columns, "None or a list of names of columns"
_RULES: dict[str, tuple[Any, str]] = {
    "method": (lambda value: value is None or isinstance(value, str), "None or a name of `auxin ls methods`"),
    "validation": (
        lambda value: _number(value) and (0 <= value < 1 or _whole(value, 1)),
        "a fraction of the rows, from 0 to below 1, or a number of rows",
    ),
    "steps": (lambda value: value is None or _whole(value, 1), "None or a whole number, at least 1"),
    "learning_rate": (lambda value: _number(value) and value > 0, "a finite number above 0"),
    "settings": (
        lambda value: value is None or isinstance(value, Mapping),
        "None or a dictionary of settings",
    ),
    "text": _COLUMNS,
    "keep": _COLUMNS,
    "max_rows": (lambda value: _whole(value, FEWEST_ROWS), f"a whole number, at least {FEWEST_ROWS}"),
}
"""What each argument may be: a test, and the words for it."""


def warn_of(decisions: Iterable[str], depth: int) -> None:
    """Give each decision about the data as a `DecisionWarning`, at the line so many calls above the caller's."""
    for sentence in decisions:
        warnings.warn(sentence, DecisionWarning, stacklevel=depth + 2)


def epoch_line(now: EpochProgress) -> str:
    """A line on an epoch of a training."""
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in now.losses.items())
    score = "" if now.validation is None else f"  validation {now.validation:.4f}"
    return f"{now.phase:<7} epoch {now.epoch:>4}/{now.epochs}  loss: {losses}{score}"


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
