"""What a user's batch stands for: the calls of the network, and the targets by task."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError
from auxin.tasks.base import Task
from auxin.training.processes import RemoteLosses
from auxin.training.task_losses import Loss
from auxin.typing import Batch

Inputs = str | Sequence[str] | Callable[[Any], Any]
"""A batch's key, the names of keyword arguments, or a function of the batch."""

Targets = Callable[[Any], Any] | None
"""A function from a batch to its targets by task."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of the network.

    Attributes:
        part: The task whose rows these are, or None where they are every task's.
        args: positional arguments.
        kwargs: keyword arguments.
    """

    part: str | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(eq=False)
class ObjectiveBatch:
    """A batch as the objective sees it.

    Attributes:
        calls: Calls of the network, one for each part; empty if the network is not called again.
        y: Targets by task; a task that is absent has no label in this batch.
        parts: Whether the batch has rows of its own for each task.
        others: The losses of the other processes' rows, under data parallelism.
        whole: The main task's rows of all processes, where a labeler labels them.
        share: Which of those rows are this process's.
        fraction: What this process's mean outer loss is multiplied by, so that the mean over the processes is that of
            all rows.
    """

    calls: list[Call]
    y: dict[str, Any]
    parts: bool
    others: RemoteLosses | None = None
    whole: Batch | None = None
    share: slice | None = None
    fraction: float | None = None

    def rows(self, main: str) -> Batch | None:
        """The main task's rows as labelers read them; None where inputs or main labels are missing."""
        if self.whole is not None:
            return self.whole
        call = next((c for c in self.calls if c.part in (None, main)), None)
        if call is None or not call.args or main not in self.y:
            return None
        x, y = call.args[0], self.y[main]
        return Batch(x, {main: y.to(x.device)}, torch.full((len(y),), -1, device=x.device))


class Reader:
    """Reads batches.

    Args:
        tasks: The tasks or loss functions by name, main first.
        inputs: Where the network's arguments are.
        targets: Where the targets are (None: in the batch itself, its `y`, or its second item).

    Attributes:
        sources: The tasks that are the main one on other sources' rows.
    """

    def __init__(self, tasks: Mapping[str, Loss], inputs: Inputs, targets: Targets) -> None:
        self.tasks, self.kinds = tuple(tasks), dict(tasks)
        self.inputs, self.targets = inputs, targets
        self.sources: dict[str, int | None] = dict.fromkeys(getattr(targets, "sources", ()))

    def read(self, batch: Any, *, calls: bool = True, only: str | None = None) -> ObjectiveBatch:
        """The calls (if they are wanted) and targets of a batch, or of one task alone.

        Where one task is wanted, a pair (inputs, labels) is that task's.

        Raises:
            ConfigError: Inputs or targets are not where they are looked for.
        """
        if not self.by_task(batch):
            targets = self._targets(batch, only)
            made = [self._call(batch, None)] if calls else []
            return ObjectiveBatch(made, {k: v for k, v in targets.items() if only in (None, k)}, False)
        parts = {k: v for k, v in batch.items() if v is not None and only in (None, k)}
        targets = {name: self._targets(part, name).get(name) for name, part in parts.items()}
        made = [self._call(part, name) for name, part in parts.items()] if calls else []
        return ObjectiveBatch(made, {k: v for k, v in targets.items() if v is not None}, True)

    def by_task(self, batch: Any) -> bool:
        """Whether the batch is a dictionary of batches by task: every key a task, every value a batch."""
        if not isinstance(batch, Mapping) or not batch:
            return False
        return set(batch) <= set(self.tasks) and all(
            v is None or isinstance(v, Mapping) or _is_pair(v) or (hasattr(v, "x") and hasattr(v, "y"))
            for v in batch.values()
        )

    def _targets(self, batch: Any, part: str | None) -> dict[str, Any]:
        found = self.targets(batch) if self.targets is not None else _usual_targets(batch, self.tasks)
        if not isinstance(found, Mapping):
            owner = part or (self.tasks[0] if len(self.tasks) == 1 else None)
            if owner is None or found is None:
                raise ConfigError(
                    "The batch does not say which task its targets belong to",
                    expected=f"a dictionary with some of: {', '.join(self.tasks)}",
                    found=type(found if found is not None else batch).__name__,
                    do="Give `targets`, a function from a batch to such a dictionary.",
                )
            found = {owner: found}
        return {name: self._label(name, found[name]) for name in self.tasks if found.get(name) is not None}

    def _label(self, name: str, value: Any) -> Any:
        """The labels of one task: checked and in the form it takes; those of a loss function as they are."""
        kind, target = self.kinds[name], as_target(value)
        if not isinstance(kind, Task):
            return target
        if not isinstance(target, Tensor) or target.dim() == 0:
            raise DataError(
                f"The labels of task {name!r} are not usable",
                expected="a tensor, an array or a list with one number (or row of numbers) per sample",
                found="one number" if isinstance(target, Tensor) else type(target).__name__,
            )
        return kind.accept(target)

    def _call(self, batch: Any, part: str | None) -> Call:
        if callable(self.inputs):
            found = self.inputs(batch)
            if isinstance(found, Mapping):
                return Call(part, (), dict(found))
            return Call(part, found if isinstance(found, tuple) else (found,), {})
        if isinstance(self.inputs, str):
            return Call(part, (self._look_up(batch, self.inputs),), {})
        return Call(part, (), {name: self._look_up(batch, name) for name in self.inputs})

    def _look_up(self, batch: Any, name: str) -> Any:
        if isinstance(batch, Mapping) and name in batch:
            return batch[name]
        if not isinstance(batch, Mapping) and hasattr(batch, name):
            return getattr(batch, name)
        if name == "x" and _begins_with_inputs(batch):
            return batch[0]
        keys = ", ".join(map(str, batch)) if isinstance(batch, Mapping) else type(batch).__name__
        raise ConfigError(
            "The network's inputs are not in the batch, so the meta step could not call it",
            expected=f"an entry {name!r}",
            found=keys,
            do="Give `inputs`: another key, the names of keyword arguments, or a function of the batch.",
        )


def _begins_with_inputs(batch: Any) -> bool:
    return isinstance(batch, tuple | list) and len(batch) > 1 and isinstance(batch[0], Tensor | Mapping)


def _is_pair(batch: Any) -> bool:
    return _begins_with_inputs(batch) and len(batch) == 2


def _usual_targets(batch: Any, tasks: Sequence[str]) -> Any:
    """The batch itself, its second item, its `y`, or its attributes named as tasks."""
    if isinstance(batch, Mapping):
        return batch
    if _is_pair(batch):
        return batch[1]
    y = getattr(batch, "y", None)
    named = {name: getattr(batch, name) for name in tasks if hasattr(batch, name)}
    return named if named and not isinstance(y, Mapping) else y


def as_target(value: Any) -> Any:
    """A target as a tensor: in a list of numbers, None is a missing label; anything unknown as it is.

    >>> as_target([2, None, 0]), as_target([0.5, None])
    (tensor([ 2, -1,  0]), tensor([0.5000,    nan]))
    """
    numbers = isinstance(value, tuple | list) and all(v is None or isinstance(v, int | float) for v in value)
    if numbers and len(value):
        missing = float("nan") if any(isinstance(v, float) for v in value) else -1
        return torch.tensor([missing if v is None else v for v in value])
    return torch.as_tensor(value) if hasattr(value, "__array__") else value


def to_device(tree: Any, device: torch.device) -> Any:
    """The same tree with its tensors on a device; copies of those made in inference mode, which no graph may keep."""
    if isinstance(tree, Tensor):
        there = tree.to(device)
        return there.clone() if there.is_inference() else there
    if isinstance(tree, Call):
        return Call(tree.part, to_device(tree.args, device), to_device(tree.kwargs, device))
    if isinstance(tree, ObjectiveBatch):
        return ObjectiveBatch(to_device(tree.calls, device), to_device(tree.y, device), tree.parts)
    if isinstance(tree, Mapping):
        return {key: to_device(value, device) for key, value in tree.items()}
    if isinstance(tree, tuple | list) and not hasattr(tree, "_fields"):
        return type(tree)(to_device(value, device) for value in tree)
    move = getattr(copy.copy(tree), "to", None)  # a graph, a packed sequence; a copy, for some move in place
    return move(device) if callable(move) else tree


def signals_of(
    outputs: Any,
    reading: ObjectiveBatch,
    names: Sequence[str],
    pick: Callable[[Any, str | None], dict[str, Any]],
) -> dict[str, Any]:
    """The outputs by task, where `pick` splits the outputs of one call of the network.

    Raises:
        ConfigError: The batch holds other rows for each task, and the outputs are not by task.
    """
    if not reading.parts:
        return pick(outputs, None)
    if not isinstance(outputs, Mapping):
        raise ConfigError(
            "The batch holds other rows for each task, so the outputs must be by task",
            expected="{task: model(rows of that task)}",
            found=type(outputs).__name__,
        )
    return {k: v for part in outputs if part in names for k, v in pick(outputs[part], part).items()}


def tensors_of(tree: Any, depth: int = 4) -> list[Tensor]:
    """The dense tensors of a tree of mappings, lists and tuples."""
    if isinstance(tree, Tensor):
        return [tree] if tree.layout is torch.strided else []
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if not isinstance(tree, list | tuple) or not depth:
        return []
    return [t for each in tree for t in tensors_of(each, depth - 1)]
