"""The losses of all tasks, those of tasks that are alike in one call, and where the tasks' gradients part.

Sixteen heads with a loss each are sixteen times the same few operations on small tensors, in every pass through the
losses. Tasks that are alike (`Task.alike`) are evaluated as one task with all their rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.combiners.base import TaskLosses
from auxin.math.deferred import deferring
from auxin.tasks.base import Task
from auxin.training.processes import RemoteLosses, own_mean
from auxin.training.task_losses import Entry, Loss, checked, entry


def joint_entries(
    tasks: Mapping[str, Loss], outputs: Mapping[str, Any], targets: Mapping[str, Any], images: bool
) -> list[Entry]:
    """Each task's losses in their own shape.

    Args:
        tasks: Tasks by name.
        outputs: What the network puts out for each.
        targets: Labels of each; a task that is absent has none in this batch.
        images: Whether losses are wanted for every pixel where a task has them.

    >>> from auxin.tasks.regression import Regression
    >>> tasks = {"price": Regression("price", mean=1.0), "size": Regression("size")}
    >>> outputs = {"price": torch.zeros(2, 1), "size": torch.zeros(1, 1)}
    >>> found = joint_entries(tasks, outputs, {"price": torch.tensor([1.0, 2.0]), "size": torch.tensor([3.0])}, False)
    >>> [values.tolist() for values, _ in found]
    [[0.0, 1.0], [9.0]]
    """
    apart = {} if images else _apart(tasks, outputs)
    groups: dict[Any, list[str]] = {}
    for name in tasks:
        output, target = apart.get(name), targets.get(name)
        key: Any = name
        if output is not None and isinstance(target, Tensor) and target.dim() > 0:
            rows = ((t.dtype, t.shape[1:]) for t in (output, target))
            key = (tasks[name].alike(), output.device, *rows)  # type: ignore[union-attr]
        groups.setdefault(key, []).append(name)
    found: dict[str, Entry] = {}
    for names in groups.values():
        if len(names) > 1:
            found |= zip(names, _of_all(names, tasks, outputs, targets), strict=True)
        else:
            name = names[0]
            found[name] = entry(name, tasks[name], outputs.get(name), targets.get(name), images)
    return [found[name] for name in tasks]


def roots(
    tasks: Mapping[str, Loss],
    outputs: Mapping[str, Any],
    entries: Sequence[Entry],
    losses: TaskLosses,
    others: RemoteLosses | None,
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """A tensor for each task from which its gradients are taken, and its mean loss's gradient there (None: 1).

    These are the outputs of tasks whose losses are functions of them alone, and the mean losses of all others. A task
    without a label in the batch has None. Under data parallelism the mean is this process's share of the mean over all
    rows, times the number of processes.
    """
    seen = [True] * len(entries) if deferring() else losses.seen().tolist()
    apart = {k: o for k, o in _apart(tasks, outputs).items() if o.grad_fn is not None}
    slopes: dict[str, Tensor | None] = {}
    if apart and losses.values.requires_grad:
        total = losses.means().sum()
        found = torch.autograd.grad(total, list(apart.values()), retain_graph=True, allow_unused=True)
        slopes = dict(zip(apart, found, strict=True))
    places: list[Tensor | None] = []
    for k, name in enumerate(tasks):
        if not seen[k] or (name in slopes and slopes[name] is None):
            places.append(None)
        else:
            places.append(apart[name] if name in slopes else own_mean(k, entries, losses, others))
    return places, [slopes.get(name) for name in tasks]


def _apart(tasks: Mapping[str, Loss], outputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The outputs of tasks whose losses are functions of them alone, where no other task reads the same."""
    readers: dict[Any, list[str]] = {}
    for name in tasks:
        output = outputs.get(name)
        if isinstance(output, Tensor):
            node = output.grad_fn
            readers.setdefault(id(output) if node is None else (node, output.output_nr), []).append(name)
    alone = [names[0] for names in readers.values() if len(names) == 1]
    return {k: outputs[k] for k in alone if isinstance(task := tasks[k], Task) and task.alike() is not None}


def _of_all(
    names: Sequence[str], tasks: Mapping[str, Any], outputs: Mapping[str, Tensor], targets: Mapping[str, Any]
) -> list[Entry]:
    """The losses of tasks that are alike."""
    labels = [checked(k, tasks[k], outputs[k], targets[k].to(outputs[k].device)) for k in names]
    rows = [target.shape[0] for target in labels]
    task, units = tasks[names[0]], [tasks[k].unit for k in names]
    if set(units) != {(0.0, 1.0)}:
        means, scales = zip(*units, strict=True)
        labels = list(torch._foreach_sub(labels, means))  # pyright: ignore[reportPrivateImportUsage]
        labels = torch._foreach_div(labels, scales)  # pyright: ignore[reportPrivateImportUsage]
    scaled = torch.cat(labels)
    values, present = task.scaled_loss(torch.cat([outputs[k] for k in names]), scaled), task.present(scaled)
    values = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    return list(zip(values.split(rows), present.split(rows), strict=True))
