"""The tasks that a run trains, with the loss that its settings choose."""

from collections.abc import Mapping, Sequence

from auxin import catalogue
from auxin.consistency import Consistency
from auxin.data import Dataset
from auxin.errors import ConfigError
from auxin.labelers.base import Labeler
from auxin.methods.base import Method
from auxin.pretexts import Pretext
from auxin.runs.applicable import auxiliaries
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes


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
    own = list(labeler.tasks(loss)) if labeler is not None else []
    _refuse_shared_names([*own, *([consistency.task.name] if consistency is not None else [])], tasks)
    if labeler is not None:
        tasks |= labeler.tasks(loss)
    for pretext in pretexts:
        tasks[pretext.task.name] = with_loss(pretext.task, loss)
    if consistency is not None:
        tasks[consistency.task.name] = consistency.task
    reads = {name: dataset.main for name in dataset.domains if name in tasks}
    reads |= dict.fromkeys(labeler.tasks(), dataset.main) if labeler is not None and labeler.teaches else {}
    if consistency is not None and not consistency.own_head:
        reads[consistency.task.name] = dataset.main
    return tasks, reads


def _refuse_shared_names(own: Sequence[str], tasks: Mapping[str, Task]) -> None:
    for name in own:
        if name in tasks:
            raise ConfigError(
                f"The target '{name}' has the name of a task that this method makes",
                expected="another name",
                do="Rename that column.",
            )


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
