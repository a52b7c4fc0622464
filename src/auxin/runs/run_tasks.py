"""The tasks that a run trains, with the loss and the class weights that its settings choose."""

from collections.abc import Mapping, Sequence

import torch

from auxin import catalogue
from auxin.consistency import Consistency
from auxin.data import Dataset, Splits
from auxin.errors import ConfigError
from auxin.labelers.base import Labeler
from auxin.methods.base import Method
from auxin.pretexts import Pretext
from auxin.runs.applicable import auxiliaries
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses

CLASS_WEIGHTS = ("none", "balanced")


def self_made(names: Sequence[str], shape: tuple[int, ...], dataset: Dataset) -> list[Pretext]:
    """The pretext tasks of these names; one that is called as a target of the data is gets another name.

    Args:
        names: Names of members of `pretexts`.
        shape: Shape of one input.
        dataset: Data set whose targets keep their names.
    """
    pretexts = [catalogue.load("pretexts", name).build(shape) for name in names]
    for pretext in pretexts:
        if pretext.task.name in dataset.tasks:
            pretext.task.name += " (self-made)"
    return pretexts


def tasks_of(
    dataset: Dataset,
    method: Method,
    loss: str,
    labeler: Labeler | None,
    pretexts: Sequence[Pretext],
    consistency: Consistency | None,
) -> tuple[dict[str, Task], dict[str, str]]:
    """The tasks, main first, and for those without a head of their own, whose head they read.

    Raises:
        ConfigError: A target of the data has the name of the labeler's or the consistency's task.
    """
    names = [dataset.main, *(auxiliaries(dataset) if method.given else [])]
    tasks = {name: with_loss(dataset.tasks[name], loss) for name in names}
    own = labeler.tasks(loss) if labeler is not None else {}
    made = [*own, *([consistency.task.name] if consistency is not None else [])]
    if shared := [name for name in made if name in tasks]:
        raise ConfigError(
            f"The target '{shared[0]}' has the name of a task that this method makes",
            expected="another name",
            do="Rename that column.",
        )
    tasks |= own
    for pretext in pretexts:
        tasks[pretext.task.name] = with_loss(pretext.task, loss)
    if consistency is not None:
        tasks[consistency.task.name] = consistency.task
    reads = {name: dataset.main for name in dataset.domains if name in tasks}
    reads |= dict.fromkeys(labeler.tasks(), dataset.main) if labeler is not None and labeler.teaches else {}
    if consistency is not None and not consistency.own_head:
        reads[consistency.task.name] = dataset.main
    return tasks, reads


def with_loss(task: Task, loss: str) -> Task:
    """The task with the loss that the settings ask for, where there is a choice."""
    if not isinstance(task, Classes):
        return task
    weights = task.class_weights if set(task.class_weights) != {1.0} else None
    return Classes(
        task.name,
        task.width,
        loss,
        label_names=task.label_names,
        class_weights=weights,
        gamma=task.gamma or 2.0,
    )


def balanced(tasks: Mapping[str, Task], kind: str, dataset: Dataset, splits: Splits) -> dict[str, Task]:
    """The tasks, those of the data's own classes weighted against their imbalance.

    A class's weight is N / (C n_c): of the N labels that the training rows carry (for an auxiliary task also
    those without a main label), n_c are of the class (1 where it has
    none), so that the weights of all labels average 1. Ordered classes, attributes and generated labels stay as they
    are.

    Raises:
        ConfigError: The kind is neither "none" nor "balanced".
    """
    if kind not in CLASS_WEIGHTS:
        raise ConfigError(catalogue.unknown("kind of class weights", kind, list(CLASS_WEIGHTS)))
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
