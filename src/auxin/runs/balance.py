"""Rare classes weigh as much as frequent ones, where the settings ask for it."""

from collections.abc import Mapping

import torch

from auxin import catalogue
from auxin.data import Dataset, Splits
from auxin.errors import ConfigError
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses

KINDS = ("none", "balanced")


def balanced(tasks: Mapping[str, Task], kind: str, dataset: Dataset, splits: Splits) -> dict[str, Task]:
    """The tasks, those of the data's own classes weighted against their imbalance.

    A class's weight is N / (C n_c): of the N labels that the training rows carry (for an auxiliary task also
    those without a main label), n_c are of the class (1 where it has
    none), so that the weights of all labels average 1. Ordered classes, attributes and generated labels stay as they
    are.

    Raises:
        ConfigError: The kind is neither "none" nor "balanced".
    """
    if kind not in KINDS:
        raise ConfigError(catalogue.unknown("kind of class weights", kind, list(KINDS)))
    found = dict(tasks)
    for name in dataset.tasks.keys() & tasks.keys() if kind == "balanced" else ():
        task, target = tasks[name], dataset.y[name]
        if isinstance(task, Classes | DenseClasses) and not target.is_floating_point():
            rows = splits.train if name == dataset.main else splits.every_training_row
            labels = target[rows].flatten()
            counts = torch.bincount(labels[labels >= 0], minlength=task.width).double()
            weights = torch.where(counts > 0, counts.sum() / (task.width * counts), 1.0)
            found[name] = task.weighted(weights.tolist())
    return found
