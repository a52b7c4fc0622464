"""One task's losses in one batch, and which of its labels are there: tasks of auxin's, or plain functions."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError, message
from auxin.math.missing import hide
from auxin.math.remembered import Remembered
from auxin.math.rng import under_rng
from auxin.math.tree import tensors, tree_map
from auxin.tasks.base import Task

Loss = Task | Callable[[Any, Any], Tensor]
"""A task, or a function (output, target) to a loss per sample or a scalar."""

Entry = tuple[Tensor, Tensor]
"""Losses [B] (or [B, H, W], or [1] for a scalar) and which of them carry a label, bool, the same shape."""


def entry(name: str, loss: Loss, output: Any, target: Any, images: bool = False) -> Entry:
    """The losses of one task.

    Args:
        name: The task's name, for messages.
        loss: The task, or the function.
        output: What the network puts out for it (None: nothing).
        target: Labels of the task (None: none in this batch).
        images: Whether losses are wanted for every pixel where the task has them.

    Raises:
        ConfigError: No output, or one that does not fit the task.
        DataError: Losses that do not fit the batch.
    """
    if target is None:
        return absent(output)
    if output is None:
        raise ConfigError(
            message(f"The batch has labels for {name!r} but the network puts out nothing for it")
        )
    if isinstance(target, Tensor) and (leaf := next(iter(tensors(output)), None)) is not None:
        target = target.to(leaf.device)
    if isinstance(loss, Task):
        values, present = _of_task(name, loss, output, target, images)
    else:
        values, present = _of_function(name, loss, output, target, images)
    return (values.float() if values.dtype in (torch.float16, torch.bfloat16) else values), present


def absent(output: Any) -> Entry:
    """No label at all: a zero that still reaches every parameter of the output, with a zero gradient."""
    leaves = tensors(output)
    if not leaves:
        return torch.zeros(1), torch.zeros(1, dtype=torch.bool)
    no = torch.zeros((), dtype=torch.bool, device=leaves[0].device)
    zeros = [torch.where(no, leaf, torch.zeros_like(leaf)).sum() for leaf in leaves]
    return torch.stack(zeros).sum().reshape(1), no.reshape(1)


def labelled(loss: Loss, target: Any) -> Tensor | None:
    """Which samples carry a label, bool [B]; None where all do or that cannot be told from the target.

    >>> labelled(torch.nn.functional.mse_loss, torch.tensor([0.5, float("nan")])).tolist()
    [True, False]
    """
    if isinstance(loss, Task):
        return loss.present(_whole(target))
    if not isinstance(target, Tensor) or target.dtype == torch.bool or target.dim() == 0:
        return None
    there = ~target.isnan() if target.is_floating_point() else target >= 0
    return there.flatten(1).any(1) if there.dim() > 1 else there


def mean(values: Tensor, present: Tensor) -> Tensor:
    """The mean over the entries that carry a label, a scalar; zero where there are none."""
    return hide(values, present).sum() / present.sum().clamp(min=1)


def fitted(entries: Sequence[Entry]) -> tuple[list[Tensor], list[Tensor]]:
    """The tasks' losses in one shape, rows that a task does not have being rows without a label.

    Raises:
        ConfigError: Loss images of several sizes.
    """
    rows = max(values.shape[0] for values, _ in entries)
    sizes = {values.shape[1:] for values, _ in entries if values.dim() > 1}
    if len(sizes) > 1:
        raise ConfigError(
            "The tasks' loss images differ in size", found=", ".join(str(list(s)) for s in sizes)
        )
    device = entries[0][0].device
    shape = (rows, *next(iter(sizes), ()))
    both = [(_fit(v.to(device), shape), _fit(p.to(device), shape)) for v, p in entries]
    return [v for v, _ in both], [p for _, p in both]


def _fit(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    if values.dim() < len(shape):
        values = values.reshape(-1, *[1] * (len(shape) - 1)).expand(-1, *shape[1:])
    if values.shape[0] == shape[0]:
        return values
    return torch.cat([values, values.new_zeros(shape[0] - values.shape[0], *shape[1:])])


def _whole(target: Tensor) -> Tensor:
    """Class numbers of any integer type as int64."""
    return target if target.is_floating_point() else target.long()


def checked(name: str, task: Task, output: Any, target: Any) -> Tensor:
    """The labels of one of auxin's tasks, whole numbers as int64.

    Raises:
        ConfigError: The output does not fit the task or its labels.
    """
    good = isinstance(output, Tensor) and output.dim() >= 2 and output.shape[1] == task.width
    if not good or not isinstance(target, Tensor) or target.dim() == 0 or target.shape[0] != output.shape[0]:
        shape = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
        target_shape = list(target.shape) if isinstance(target, Tensor) else type(target).__name__
        raise ConfigError(
            f"The output for {name!r} does not fit its task ({type(task).__name__})",
            expected=f"an output [B, {task.width}{', H, W' if task.dense else ''}] and B labels",
            found=f"output {shape}, target {target_shape}",
        )
    return _whole(target)


def _of_task(name: str, task: Task, output: Any, target: Any, images: bool) -> Entry:
    target = checked(name, task, output, target)
    image = getattr(task, "loss_image", None) if images else None
    if image is not None:
        return image(output, target), task.pixels(target)  # type: ignore[attr-defined]
    return task.loss(output, target), task.present(target)


def _of_function(name: str, loss: Callable[..., Any], output: Any, target: Any, images: bool) -> Entry:
    present = labelled(loss, target)
    if present is None or bool(present.all()):
        found = _called(name, loss, output, target)
        values = _values(name, found, _rows(output, present), (output, target), images)
        return values, torch.ones_like(values, dtype=torch.bool)
    if not bool(present.any()):
        return absent(output)
    rows = len(present)
    chosen = tree_map(lambda t: t[present] if t.dim() and len(t) == rows else t, output)
    count, kept = int(present.sum()), target[present]
    values = _values(name, _called(name, loss, chosen, kept), count, (chosen, kept), images)
    if values.shape[0] == 1 and count != 1:  # a scalar: the mean of the labelled rows
        return values, torch.ones_like(values, dtype=torch.bool)
    whole = values.new_zeros(rows, *values.shape[1:]).index_put((present,), values)
    there = present.reshape(-1, *[1] * (values.dim() - 1)).expand_as(whole)
    return whole, there


def refuse_broadcast(name: str, loss: Loss, output: Any, target: Any) -> None:
    """Refuse a loss function that sets every output against every label, which the mean of a scalar loss would hide.

    Outputs [B, 1] less labels [B] are [B, B] in torch. Such a loss stays the same when the labels change places among
    themselves, and is another one when output and labels have one shape.

    Raises:
        DataError: Both are so.
    """
    if isinstance(loss, Task) or not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return
    one, two = sorted((output, target), key=Tensor.dim)
    if (one.dim(), two.dim()) != (1, 2) or two.shape != (len(one), 1):
        return
    present = labelled(loss, target)
    if present is not None:
        output, target = output[present], target[present]
    if len(target) < 2:
        return
    flat = output.flatten(), target.flatten()
    found = [_probe(loss, *pair) for pair in ((output, target), (output, target.roll(1, 0)), flat)]
    if None in found:
        return
    here, moved, alike = (float(value) for value in found if value is not None)
    if math.isclose(here, moved, rel_tol=1e-4) and not math.isclose(here, alike, rel_tol=1e-5):
        words = (
            f"every output against every label: {list(output.shape)} and {list(target.shape)} are broadcast"
        )
        raise _misfit(name, (output, target), words)


@torch.no_grad()
def _probe(loss: Callable[..., Any], output: Tensor, target: Tensor) -> float | None:
    """The mean of a loss, by a look that leaves nothing behind; None where it cannot read these shapes."""
    kept = Remembered()
    kept.functions([loss])
    kept.rewind()  # lends buffers
    with under_rng(None):
        try:
            return float(loss(output.clone(), target.clone()).mean())
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError):
            return None
        finally:
            kept.close()


def _rows(output: Any, present: Tensor | None) -> int | None:
    """How many samples a task's losses are of, where that can be told."""
    if present is not None:
        return len(present)
    leaf = next(iter(tensors(output)), None)
    return len(leaf) if leaf is not None and leaf.dim() else None


def _called(name: str, loss: Callable[..., Any], output: Any, target: Any) -> Any:
    """The loss; where it cannot read an output that is no tensor, what to do about that."""
    try:
        return loss(output, target)
    except (TypeError, AttributeError, LookupError) as error:
        if isinstance(output, Tensor):
            raise
        raise ConfigError(
            f"The loss function of {name!r} cannot read what the network puts out: {error}",
            expected="what the function takes",
            found=type(output).__name__,
            do="Give `outputs`, a function from what the network puts out to a dictionary by task.",
        ) from error


def _values(name: str, found: Any, rows: int | None, given: tuple[Any, Any], images: bool) -> Tensor:
    """The losses as [B], [1] for a scalar, or [B, H, W] where images are wanted.

    Raises:
        ConfigError: No losses at all.
        DataError: Losses that are neither one per sample nor a scalar.
    """
    if not isinstance(found, Tensor) or not found.is_floating_point():
        raise ConfigError(
            f"The loss function of {name!r} gives no losses",
            expected="a scalar or one number per sample",
            found=type(found).__name__,
        )
    if found.numel() == 1 and (found.dim() == 0 or rows != 1):
        return found.reshape(1)
    values = found.squeeze(1) if found.dim() == 2 and found.shape[1] == 1 else found
    good = values.dim() == 1 or (images and values.dim() == 3)
    if not good or (rows is not None and len(values) != rows):
        raise _misfit(name, given, f"losses of shape {list(found.shape)}", rows)
    return values


def _misfit(name: str, given: tuple[Any, Any], found: str, rows: int | None = None) -> DataError:
    """The error for losses that are neither one per sample nor a scalar."""
    shapes = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in given]
    return DataError(
        f"The losses of {name!r} do not fit the batch",
        expected=f"one loss per labelled sample{'' if rows is None else f' ({rows})'}, or a scalar",
        found=f"{found}; the output is {shapes[0]}, the labels are {shapes[1]}",
        do="Give output and labels one shape, and average over all dimensions but the first: "
        "`.flatten(1).mean(1)`",
    )
