"""The objective: the training loss C(S, phi; B) and the main task's loss, for `auxin compare` and for your own loop.

Everything that a method learns beside the primary network is in here: the labeler makes targets from the batch, the
tasks turn the network's outputs S and the targets into losses per sample, the combiner turns those into one scalar.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from auxin.combiners.base import Combiner, GramianCombiner, LossCombiner, TaskLosses
from auxin.consistency.base import Consistency, pairs_of
from auxin.errors import RunError, UnsupportedError
from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.base import batch_inputs
from auxin.labelers.base import LABELS, Labeler, Targets, by_task
from auxin.math.functional import still
from auxin.math.missing import hide
from auxin.math.rng import under_rng
from auxin.math.visits import visiting
from auxin.tasks.base import Task
from auxin.training.curvature import loss_weights, task_curvature
from auxin.training.joint import joint_entries, roots
from auxin.training.processes import RemoteLosses, parallel, world_size
from auxin.training.screen import screen
from auxin.training.shared import SharedParameters
from auxin.training.task_losses import Entry, Loss, entry, fitted, labelled, mean
from auxin.typing import Batch, Signals

__all__ = ["Objective"]


def _ignore(text: str) -> None:
    del text


def _itself(batch: Any) -> Batch | None:
    return batch


@dataclass(eq=False)
class Objective:
    """L_T = combiner(losses per sample of every task), L_A = the main task's mean loss, and R, the labeler's own terms.

    A batch is anything with an attribute `y`, the targets by task; a task that is absent from it has no label there.

    Attributes:
        tasks: Every task (or loss function) that the primary network has an output for, the main task first; among
            them the labeler's (`Labeler.tasks`).
        labeler: Labeler that generates the targets of those tasks, or None.
        combiner: Combiner, which maps the tasks' losses to one training loss.
        consistency: Loss between two views of a row, or None; its task is one of `tasks`.
        reads: For a task without an output of its own, the task whose output it reads: soft labels that teach the main
            task, a consistency of its answers.
        learned: Whether the labeler's parameters are phi (those of a frozen twin are not).
        rows: Function that makes the labelers' input from a batch; it returns None if the batch cannot be labelled.
        notify: Function called with a sentence on each loss that was left out.
        gramian: Gramian of the tasks' gradients in the last training step, [T, T], if the combiner needs it.
        dropped: Number of times each task was left out because its loss was not finite.

    >>> from auxin.combiners.equal import Equal
    >>> from auxin.tasks.regression import Regression
    >>> tasks = {"price": Regression("price"), "size": Regression("size")}
    >>> objective = Objective(tasks, None, Equal(2))
    >>> batch = Batch(torch.zeros(2, 1), {"price": torch.tensor([1.0, 2.0])}, torch.arange(2))
    >>> objective({"price": torch.zeros(2, 1), "size": torch.zeros(2, 1)}, batch, None)
    tensor(2.5000)
    """

    tasks: Mapping[str, Loss]
    labeler: Labeler | None
    combiner: Combiner
    learned: bool = True
    consistency: Consistency | None = None
    reads: Mapping[str, str] = field(default_factory=dict)
    rows: Callable[[Any], Batch | None] = _itself
    notify: Callable[[str], None] = _ignore
    gramian: Tensor | None = None
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks' names, main first."""
        return tuple(self.tasks)

    @property
    def main(self) -> str:
        """The main task's name."""
        return next(iter(self.tasks))

    # ---------------------------------------------------------------------------------------- what is learned

    def phi(self) -> list[nn.Parameter]:
        """The auxiliary parameters: what the hypergradient trains."""
        learned = self.labeler is not None and self.labeler.learned and self.learned
        own = list(self.labeler.parameters()) if learned and self.labeler is not None else []
        return [p for p in [*own, *self.combiner.phi()] if p.requires_grad]

    def main_parameters(self) -> list[nn.Parameter]:
        """The combiner's parameters that its paper trains by the training loss."""
        return self.combiner.trained_with_main()

    # ------------------------------------------------------------------------------------- the training loss

    def context(self, batch: Any) -> Targets | None:
        """The generated targets; None where nothing makes any, or where the batch cannot be labelled."""
        rows = self.rows(batch) if self.makes_targets else None
        if rows is None:
            return None
        made = None if self.labeler is None else self.labeler(rows)
        if self.consistency is None:
            return made
        name = self.consistency.task.name
        return {**by_task(made), name: self.consistency.targets(rows, pairs_of(rows, name))}

    @property
    def makes_targets(self) -> bool:
        """Whether there are generated targets."""
        return self.labeler is not None or self.consistency is not None

    def own_targets(self, context: Targets | None) -> Targets | None:
        """The labeler's part of the generated targets."""
        if self.consistency is None:
            return context
        made = {name: t for name, t in by_task(context).items() if name != self.consistency.task.name}
        return made[LABELS] if list(made) == [LABELS] else made or None

    def entries(self, signals: Mapping[str, Any], batch: Any, context: Targets | None) -> list[Entry]:
        """Each task's losses in their own shape, main first."""
        targets = {**batch.y, **self._generated(batch, context)}
        return joint_entries(self.tasks, self._outputs(signals), targets, self.combiner.needs_images)

    def _outputs(self, signals: Mapping[str, Any]) -> dict[str, Any]:
        return {k: signals.get(self.reads.get(k, k)) for k in self.tasks}

    def _generated(self, batch: Any, context: Targets | None) -> dict[str, Tensor]:
        """The labeler's targets for the rows of this process."""
        share = getattr(batch, "share", None)
        made = by_task(context)
        return made if share is None else {name: target[share] for name, target in made.items()}

    def screened(self, entries: Sequence[Entry], batch: Any = None) -> TaskLosses:
        """The tasks' losses as combiners see them: of all processes' rows, where the batch holds the others' losses.

        An auxiliary task whose loss is not finite somewhere in the batch is left out of it, counted in `dropped`, and
        named to `notify`.

        Raises:
            RunError: The main task's loss is not finite.
        """
        values, present = fitted(entries)
        others = getattr(batch, "others", None)
        if others is not None:
            values, present = others.join(values, present)
        losses, dropped = screen(values, present, self.names)
        self.dropped.update(dropped)
        for name in dropped:
            self.notify(f"The loss of {name!r} is not finite; the task is left out of such batches.")
        return losses

    def losses(
        self, signals: Signals, batch: Any, context: Targets | None, shared: SharedParameters | None = None
    ) -> TaskLosses:
        """Losses per sample of every task, main first; zero and absent where a label is missing. For `shared`: `look`.

        Loss images [B, T, H, W] where the combiner asks for them; a loss per sample then stands at every pixel.
        """
        assert isinstance(signals, Mapping)
        entries = self.entries(signals, batch, context)
        losses = self.screened(entries, batch)
        if shared is not None:
            self.look(entries, losses, signals, batch, shared)
        return losses

    def __call__(self, signals: Signals, batch: Any, context: Targets | None = None) -> Tensor:
        """L_T of a batch, a scalar. A Gramian combiner uses the Gramian of the last training step."""
        return self.combined(self.losses(signals, batch, context))

    def combined(self, losses: TaskLosses, *, constant: bool = False) -> Tensor:
        """The tasks' losses as one; with `constant` the combiner's parameters get no gradient.

        Raises:
            RunError: The combiner needs the tasks' gradients, and there was no training step yet.
        """
        arguments: tuple[Any, ...] = (losses,)
        if self.combiner.needs_gramian:
            if self.gramian is None:
                raise RunError(
                    f"{type(self.combiner).__name__} needs the tasks' gradients; there was no training step yet",
                    do="Take a training step before the first meta step (every=2 or more)",
                )
            arguments = (losses, self.gramian.to(losses.values))
        fixed = {name: p.detach() for name, p in self.combiner.named_parameters()} if constant else {}
        return functional_call(self.combiner, fixed, arguments) if fixed else self.combiner(*arguments)

    def split(
        self, signals: Signals, batch: Any, context: Targets | None = None
    ) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
        """The losses per sample with their graphs, and the training loss as a function of them."""
        losses = self.losses(signals, batch, context)

        def combine(values: list[Tensor]) -> Tensor:
            return self.combined(TaskLosses(values[0], losses.present, losses.names))

        return [losses.values], combine

    def couples(self, losses: TaskLosses, others: RemoteLosses) -> bool:
        """Whether the weight of one of this process's losses depends on the losses of other processes' rows."""
        first, values = losses.values.detach(), losses.values.detach() * 1.5 + 0.1
        mine = others.own(torch.arange(len(first), device=first.device))
        values[mine] = first[mine]
        values = hide(values, losses.present)
        slopes = []
        for at in (first, values):
            leaf = at.clone().requires_grad_()
            with torch.enable_grad():
                total = self.combined(TaskLosses(leaf, losses.present, losses.names))
            slopes.append(torch.autograd.grad(total, leaf)[0][mine])
        return not torch.allclose(slopes[0], slopes[1], rtol=1e-5, atol=1e-12)

    def look(
        self,
        entries: Sequence[Entry],
        losses: TaskLosses,
        signals: Mapping[str, Any],
        batch: Any,
        shared: SharedParameters,
    ) -> None:
        """Keep the Gramian of the tasks' gradients over the shared parameters, for a combiner that needs it."""
        if not self.combiner.needs_gramian:
            return
        outputs, others = self._outputs(signals), getattr(batch, "others", None)
        places, slopes = roots(self.tasks, outputs, entries, losses, others)
        self.gramian = shared.gramian(places, self.combiner.main_row_only, slopes).detach()
        if shared.row_wrong:
            name = type(self.combiner).__name__
            self.notify(f"{name} takes the products of every pair of tasks because {shared.row_wrong}.")

    def look_again(self, network: nn.Module, inputs: Sequence[Any], batch: Any, before: TaskLosses) -> None:
        """Show a combiner that wants it the batch's losses after the network's step: one more forward pass.

        Buffers and the random state stay as they are.

        Raises:
            UnsupportedError: Several processes train together.
        """
        if not self.combiner.looks_again:
            return
        if parallel():
            name = type(self.combiner).__name__
            wrong = f"{name} looks at each batch twice, which is not done across several processes"
            raise UnsupportedError(wrong, do="Train in one process, or choose another combiner")
        with (
            visiting(network, losses=self.tasks.values()) as visit,
            torch.no_grad(),
            under_rng(None),
            still([network]),
        ):
            visit.begin_loss()  # lends buffers
            after = self.losses(network(*inputs), batch, self.context(batch))
        self.combiner.after_update(before, after)

    # ---------------------------------------------------------------------------------------- the outer loss

    def outer(self, signals: Signals, batch: Any) -> Tensor:
        """L_A: the main task's mean loss over the rows that carry its label."""
        assert isinstance(signals, Mapping)
        task, target = self.tasks[self.main], batch.y.get(self.main)
        values, present = entry(self.main, task, signals.get(self.main), target)
        fraction = getattr(batch, "fraction", None)
        return mean(values, present) if fraction is None else mean(values, present) * fraction

    def main_rows(self, batch: Any) -> int:
        """How many rows carry the main label; where that cannot be told, how many there are."""
        target = batch.y.get(self.main)
        if target is None:
            return 0
        present = labelled(self.tasks[self.main], target)
        return int(present.sum()) if present is not None else len(target) if hasattr(target, "__len__") else 1

    def regulariser(self, context: Targets | None) -> Tensor | None:
        """R: the labeler's own terms (the entropy of its labels, the norm of its weights)."""
        own = self.own_targets(context)
        if self.labeler is None or own is None:
            return None
        terms = [t for t in (self.labeler.regulariser(own), self.labeler.penalty()) if t is not None]
        return torch.stack(terms).sum() if terms else None

    # ----------------------------------------------------------------------------------- the bilevel problem

    def problem(
        self,
        network: nn.Module,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
        inputs: Callable[[Any], tuple[Any, ...]] = batch_inputs,
        auxiliary: Iterable[nn.Module] = (),
        average: Callable[[list[Tensor]], list[Tensor]] | None = None,
        influence: bool = True,
    ) -> BilevelProblem:
        """The bilevel problem that this objective poses for a primary network.

        Args:
            network: Primary network; it returns a mapping from tasks to outputs.
            autocast: Context of the forward passes of ordinary gradients.
            inputs: Function that takes the network's arguments from a batch.
            auxiliary: Networks whose own buffers change in a meta step only.
            average: Function from this process's outer gradient to that of all processes.
            influence: Whether estimators report the influence of each sample's losses if it costs little.
        """
        own = not self.reads and all(isinstance(task, Task) for task in self.tasks.values())
        of_losses = not isinstance(self.combiner, GramianCombiner) and not self.combiner.needs_images
        return BilevelProblem(
            network=network,
            criterion=self.__call__,
            outer=self.outer,
            phi=self.phi(),
            context=self.context if self.makes_targets else None,
            regulariser=self.regulariser,
            inputs=inputs,
            auxiliary=auxiliary,
            output_curvature=self.output_curvature if own and of_losses else None,
            losses=(lambda signals, batch, context=None: self.losses(signals, batch, context).values)
            if influence
            else None,
            autocast=autocast,
            average=average,
            processes=1 if average is None else world_size(),
            split=self.split if self.labeler is None or not self.learned else None,
        )

    def output_curvature(
        self, signals: Signals, batch: Any, context: Targets | None
    ) -> Callable[[Signals], Signals]:
        """The product with Q >= 0, for Gauss-Newton products."""
        assert isinstance(signals, Mapping)
        assert isinstance(self.combiner, LossCombiner)
        weights = loss_weights(self.combiner, self.losses(signals, batch, context))
        others = getattr(batch, "others", None)
        if others is not None:
            weights = others.own(weights) * world_size()
        targets = {**batch.y, **self._generated(batch, context)}
        return task_curvature(self.tasks, targets, signals, weights)  # type: ignore[arg-type]
