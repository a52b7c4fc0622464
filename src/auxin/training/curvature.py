"""Q >= 0 of a training loss made of tasks and a combiner: each task's Fisher matrix times max(0, dC/dl).

Neither a focal loss nor a nonlinear combiner is convex, so the criterion's own Hessian in the signals is not
positive semi-definite; this Q always is. It leaves out the combiner's own curvature across tasks.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from auxin.combiners.base import LossCombiner, TaskLosses
from auxin.math.curvature import projected, softmax_fisher
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.typing import Signals

Times = Callable[[Tensor], Tensor]
"""A task's part of Q times a tangent of its output."""


def loss_weights(combiner: LossCombiner, losses: TaskLosses) -> Tensor:
    """max(0, dC/dl) of each sample and task, [B, T]; zero where the label is missing."""
    values = losses.values.detach().requires_grad_()
    with torch.enable_grad():
        total = combiner(TaskLosses(values, losses.present, losses.names))
        (slopes,) = torch.autograd.grad(total, values)
    return slopes.clamp(min=0) * losses.present


def task_curvature(
    tasks: Mapping[str, Task],
    targets: Mapping[str, Tensor | None],
    signals: Mapping[str, Tensor],
    weights: Tensor,
) -> Callable[[Signals], Signals]:
    """The product with Q, block by block.

    Args:
        tasks: The tasks, main first. Classes have the softmax's Fisher matrix, any other kind the positive
            part of its own loss's Hessian per sample.
        targets: Targets of the tasks; None for a task that the batch does not carry.
        signals: S, by task.
        weights: Weights max(0, dC/dl), [B, T], in the order of the tasks.
    """
    times = {
        name: _times(task, targets.get(name), signals[name].detach(), weights[:, i])
        for i, (name, task) in enumerate(tasks.items())
    }

    def product(slope: Signals) -> Signals:
        assert isinstance(slope, Mapping)
        return {name: times[name](t) for name, t in slope.items()}

    return product


def _times(task: Task, target: Tensor | None, output: Tensor, weight: Tensor) -> Times:
    if target is None:
        return torch.zeros_like
    if isinstance(task, Classes):
        return lambda slope: softmax_fisher(output, slope, weight)
    fixed = target.detach()

    def loss(signals: Signals) -> Tensor:
        assert isinstance(signals, Tensor)
        return (weight * task.loss(signals, fixed)).sum()

    return projected(loss, output)  # type: ignore[return-value]
