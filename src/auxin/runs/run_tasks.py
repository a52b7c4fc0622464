"""The tasks that a run trains, with the loss that its settings choose."""

from collections.abc import Sequence

from auxin.consistency import Consistency
from auxin.data import Dataset
from auxin.labelers._base import Labeler
from auxin.methods._base import Method
from auxin.pretexts import Pretext
from auxin.runs.applicable import auxiliaries
from auxin.tasks._base import Task
from auxin.tasks.classes import Classes


def tasks_of(
    dataset: Dataset,
    method: Method,
    loss: str,
    labeler: Labeler | None,
    pretexts: Sequence[Pretext],
    consistency: Consistency | None,
) -> tuple[dict[str, Task], dict[str, str]]:
    """The tasks, main first, and for those without a head of their own, whose head they read."""
    names = [dataset.main, *(auxiliaries(dataset) if method.given else [])]
    tasks = {name: with_loss(dataset.tasks[name], loss) for name in names}
    if labeler is not None:
        tasks |= labeler.tasks(loss)
    for pretext in pretexts:
        tasks[pretext.task.name] = with_loss(pretext.task, loss)
    if consistency is not None:
        tasks[consistency.task.name] = consistency.task
    reads = dict.fromkeys(labeler.tasks(), dataset.main) if labeler is not None and labeler.teaches else {}
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
