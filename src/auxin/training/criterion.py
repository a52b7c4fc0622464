"""The criterion C(S, phi; B): from the primary network's signals to one training loss.

Everything a method learns beside the primary network is in here: the labeler makes targets from the batch,
the tasks turn signals and targets into per-sample losses, the combiner turns those into one scalar.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from auxin.combiners._base import Combiner, GramianCombiner, LossCombiner, TaskLosses
from auxin.combiners._screen import screen
from auxin.errors import RunError, message
from auxin.hypergradients import BilevelProblem
from auxin.labelers._base import LABELS, Labeler, Targets, by_task
from auxin.tasks._base import Task
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.training.curvature import loss_weights, task_curvature
from auxin.typing import Batch, Signals

__all__ = ["LABELS", "Criterion", "gramian"]


@dataclass(eq=False)
class Criterion:
    """C(S, phi; B) = combiner(per-sample losses of every task).

    Attributes:
        tasks: every task the primary network has a head for, the main task first; among them the labeler's
            (`Labeler.tasks`).
        labeler: makes those tasks' targets, or None.
        combiner: many losses to one.
        learned: whether the labeler's parameters are phi (a frozen twin's are not).
        gramian: of the tasks' gradients in the last training step, [T, T], where the combiner needs it.
        dropped: how often each task was left out because its loss was not finite.
    """

    tasks: Mapping[str, Task]
    labeler: Labeler | None
    combiner: Combiner
    learned: bool = True
    gramian: Tensor | None = None
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def main(self) -> Task:
        """The main task."""
        return next(iter(self.tasks.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks' names, main first."""
        return tuple(self.tasks)

    def phi(self) -> list[nn.Parameter]:
        """The auxiliary parameters: what the hypergradient trains."""
        own = list(self.labeler.parameters()) if self.labeler is not None and self.learned else []
        return [p for p in [*own, *self.combiner.phi()] if p.requires_grad]

    def main_parameters(self) -> list[nn.Parameter]:
        """The combiner's parameters that its paper trains by the training loss, in the main optimiser."""
        return self.combiner.trained_with_main()

    def context(self, batch: Batch) -> Targets | None:
        """The generated targets, or None without a labeler."""
        return None if self.labeler is None else self.labeler(batch)

    def losses(self, signals: Signals, batch: Batch, context: Targets | None) -> TaskLosses:
        """Per-sample losses of every task, main first; zero and absent where a label is missing.

        Loss images [B, T, H, W] where the combiner asks for them; a loss per sample then stands at every pixel.
        An auxiliary task whose loss is not finite somewhere in the batch is left out of it, and counted in `dropped`.
        """
        assert isinstance(signals, Mapping)
        sides = signals[self.main.name].shape[2:] if self.combiner.needs_images else None
        targets = {**batch.y, **by_task(context)}
        values, present = [], []
        for name, task in self.tasks.items():
            value, there = _loss(task, signals[name], targets.get(name), images=sides is not None)
            values.append(value if sides is None else _spread(value, sides))
            present.append(there if sides is None else _spread(there, sides))
        losses, dropped = screen(values, present, self.names)
        self.dropped.update(dropped)
        return losses

    def __call__(self, signals: Signals, batch: Batch, context: Targets | None) -> Tensor:
        """The training loss of a batch, a scalar. A Gramian combiner uses the Gramian of the last training step."""
        return self.combined(self.losses(signals, batch, context))

    def combined(self, losses: TaskLosses) -> Tensor:
        """The tasks' losses as one."""
        if isinstance(self.combiner, GramianCombiner):
            if self.gramian is None:
                raise RunError(
                    message(
                        f"{type(self.combiner).__name__} needs the tasks' gradients; there was no training step yet",
                        do="Take a training step before the first meta step (every=2 or more)",
                    )
                )
            return self.combiner(losses, self.gramian)
        assert isinstance(self.combiner, LossCombiner)
        return self.combiner(losses)

    def look(self, losses: TaskLosses, shared: Sequence[Tensor]) -> None:
        """Keep the Gramian of the tasks' gradients, for combiners that need it."""
        if self.combiner.needs_gramian:
            self.gramian = gramian(losses.means(), shared).detach()

    def outer(self, signals: Signals, batch: Batch) -> Tensor:
        """L_A: the main task's mean loss over the rows that carry its label."""
        assert isinstance(signals, Mapping)
        target = batch.y[self.main.name]
        loss = self.main.loss(signals[self.main.name], target)
        return loss.sum() / self.main.present(target).sum().clamp(min=1)

    def regulariser(self, context: Targets | None) -> Tensor | None:
        """R: the labeler's own terms (the entropy of its labels, the norm of its weights)."""
        if self.labeler is None or context is None:
            return None
        terms = [t for t in (self.labeler.regulariser(context), self.labeler.penalty()) if t is not None]
        return torch.stack(terms).sum() if terms else None

    def problem(
        self, network: nn.Module, autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
    ) -> BilevelProblem:
        """The bilevel problem that this criterion poses for a primary network, forwards under `autocast`."""
        return BilevelProblem(
            network=network,
            criterion=self.__call__,
            outer=self.outer,
            phi=self.phi(),
            context=self.context,
            regulariser=self.regulariser,
            output_curvature=self.output_curvature if self._has_curvature else None,
            losses=lambda signals, batch, context: self.losses(signals, batch, context).values,
            autocast=autocast,
        )

    @property
    def _has_curvature(self) -> bool:
        return isinstance(self.combiner, LossCombiner) and not self.combiner.needs_images

    def output_curvature(
        self, signals: Signals, batch: Batch, context: Targets | None
    ) -> Callable[[Signals], Signals]:
        """The product with Q >= 0, for Gauss-Newton products."""
        assert isinstance(signals, Mapping)
        assert isinstance(self.combiner, LossCombiner)
        weights = loss_weights(self.combiner, self.losses(signals, batch, context))
        targets = {**batch.y, **by_task(context)}
        return task_curvature(self.tasks, targets, signals, weights)


def _loss(task: Task, output: Tensor, target: Tensor | None, *, images: bool) -> tuple[Tensor, Tensor]:
    """A task's losses per sample (per pixel, where images are wanted and it has them), and which carry a label."""
    if target is None:  # a task that this batch does not carry at all
        zero = output.sum(tuple(range(1, output.dim()))) * 0
        return zero, torch.zeros(len(output), dtype=torch.bool, device=output.device)
    if images and isinstance(task, DenseClasses | DenseRegression):
        return task.loss_image(output, target), task.pixels(target)
    return task.loss(output, target), task.present(target)


def _spread(values: Tensor, sides: torch.Size) -> Tensor:
    """One number per sample at every pixel; loss images as they are."""
    return values if values.dim() > 1 else values.view(-1, 1, 1).expand(-1, *sides)


def gramian(means: Tensor, shared: Sequence[Tensor]) -> Tensor:
    """<grad l_i, grad l_j> over the shared parameters, [T, T]; a task that does not reach them has zeros."""
    rows = []
    for mean in means:
        if not mean.requires_grad:
            rows.append(torch.cat([torch.zeros_like(p).flatten() for p in shared]))
            continue
        grads = torch.autograd.grad(
            mean, shared, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([g.flatten() for g in grads]))
    stacked = torch.stack(rows)
    return stacked @ stacked.T
