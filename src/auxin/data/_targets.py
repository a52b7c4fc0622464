"""A user's own data as targets: finding a column, missing labels, and which classes refine the main ones."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from auxin.errors import DataError, message
from auxin.tasks._base import Task
from auxin.tasks.classes import Classes


def pick(where: str, columns: Mapping[str, Any], name: str) -> Any:
    """A column by name.

    Raises:
        DataError: there is none of that name; the nearest are offered.
    """
    if name not in columns:
        known = [str(column) for column in columns]
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        raise DataError(
            message(
                f"{where} has no column {name!r}",
                expected=f"one of: {', '.join(known)}",
                do=f"Did you mean {' or '.join(map(repr, near))}?"
                if near
                else "Name another with --target or --aux",
            )
        )
    return columns[name]


def refinements(tasks: Mapping[str, Task], y: Mapping[str, Tensor], main: str) -> dict[str, Tensor]:
    """For each auxiliary task of classes that each lie in one main class: that main class, int64 [K]."""
    found = {}
    for name, task in tasks.items():
        if name != main and isinstance(task, Classes) and isinstance(tasks[main], Classes):
            both = (y[name] >= 0) & (y[main] >= 0)
            pairs = torch.unique(torch.stack([y[name][both], y[main][both]], 1), dim=0)
            if len(pairs) == task.width and pairs[:, 0].equal(torch.arange(task.width)):
                found[name] = pairs[:, 1]
    return found
