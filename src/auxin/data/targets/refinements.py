"""Which auxiliary classes refine the main ones."""

from collections.abc import Mapping

import torch
from torch import Tensor

from auxin.tasks.base import Task
from auxin.tasks.classes import Classes


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
