"""Auxiliary: learn the weights of auxiliary tasks in a training loop of your own."""

import math
from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import Any

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.api._calls import WatchedCalls
from auxin.api._meta import MetaStep
from auxin.api._notices import Notices
from auxin.api._options import check_numbers, combiner_for, in_order
from auxin.api._reading import Inputs, ObjectiveBatch, Reader, Targets, signals_of, to_device
from auxin.api._runner import Runner
from auxin.api._sharing import share_rows
from auxin.api._source import MetaSource
from auxin.api._watched_step import WatchedStep
from auxin.combiners.base import Combiner, TaskLosses
from auxin.errors import ConfigError
from auxin.hypergradients import Estimator
from auxin.labelers.base import Labeler
from auxin.math.params import bare, trainable, walked
from auxin.training.objective import Objective
from auxin.training.processes import average_, exchanged, parallel, together
from auxin.training.screen import imbalanced
from auxin.training.shared import SharedParameters
from auxin.training.task_losses import Loss, fitted, refuse_broadcast


class Auxiliary:
    """One training loss from many, with weights that are learned so that the main task generalises.

    The object is called on the network's outputs and the batch, and returns an ordinary scalar loss. `after_step`
    is called after every step of the optimiser. Every `every`-th call is a meta step: it updates phi, the parameters
    of the combiner and of the labeler, by the hypergradient of the main task's loss. The loop, optimiser,
    accumulation, scaling, clipping, schedules and devices remain the user's.

    Formula:
        With m_k the mean loss of task k over its labelled samples (m_0: the main task) and C the combiner, the
        training loss is L_T(W, phi) = C(m_0, ..., m_K; phi). For `softmax` it is
        m_0 + total * sum_(k>0) softmax(phi)_k m_k. A meta step moves phi along

            d/dphi L_A(U(W, grad_W L_T(W, phi)))

        where L_A is the main loss on the meta batch and U is the step that the user's optimiser would make next, from
        its present state, on the last training batch (with accumulation: the last micro-batch). Parameters, buffers,
        gradients, random state and optimiser state are bit-identical before and after. This is the look-ahead of
        Liu, Davison, Johns 2019, equation 3, through the actual optimiser.

    Missing labels: a sample without a label has a class below zero, or NaN (in a list: None). A task without any
    label in a batch is absent from it, or None.

    Args:
        model: The network, bare or wrapped (data parallelism, `torch.compile`). The wrapper is not called.
        main: Name of the main task.
        tasks: Every task by name: a task of auxin's (`Classes`, `Regression` ...), or a function (output,
            target) that returns one loss per sample (preferred) or a scalar.
        combiner: Name from `auxin ls combiners`, or a combiner for these tasks, the main one first.
        every: Number of `after_step` calls per meta step.
        estimator: Name from `auxin ls hypergradients`, or an estimator.
        lr: Learning rate of phi's own optimiser, Adam. A softmax weight's logit moves by about `lr` per meta step.
        scale: "unit" (the hypergradient divided by the estimator's step size) or "raw".
        labeler: Labeler that makes the targets of one more task, named `labels`, for which the network needs an
            output. Its parameters are learned too.
        inputs: The network's arguments in a batch: one key (the only argument), several keys (keyword arguments),
            or a function of the batch that returns the argument, a tuple or a dictionary of arguments.
        targets: Function from a batch to its targets by task. None: the batch itself, its `y`, or the second of
            two items.
        outputs: Function from the network's outputs to outputs by task. None: they are by task already, or one
            tensor serves all tasks.
        clip_norm: The bound that the loop passes to `clip_grad_norm_`, if any, so that the look-ahead clips too.
        clip_value: The bound that the loop passes to `clip_grad_value_`, if any.
        meta_clip: Largest global norm of the hypergradient, or None. AuxiLearn's authors use 10 and 50.
        options: Options of the named combiner.

    Raises:
        ConfigError: The main task is not among the tasks, or an argument is out of range.

    References:
        - Liu, Davison, Johns 2019, Self-Supervised Generalisation with Meta Auxiliary Learning
        - Navon et al. 2021, Auxiliary Learning by Implicit Differentiation

    A network with three heads on one trunk, and a batch in which half of the rows have no `size`:

    >>> from torch.nn.functional import cross_entropy
    >>> model = nn.ModuleDict({"trunk": nn.Linear(4, 8)} | {k: nn.Linear(8, 3) for k in ("breed", "coat", "size")})
    >>> model.forward = lambda x: {k: model[k](model["trunk"](x).relu()) for k in ("breed", "coat", "size")}
    >>> tasks = dict.fromkeys(("breed", "coat", "size"), cross_entropy)
    >>> batch = {"x": torch.randn(8, 4), "breed": torch.arange(8) % 3, "coat": torch.arange(8) % 2}
    >>> batch |= {"size": [0, 1, 2, None, None, None, None, 2]}

    The loss is an ordinary scalar. At first every task counts alike:

    >>> aux = Auxiliary(model, main="breed", tasks=tasks, combiner="softmax", every=1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> loss = aux(model(batch["x"]), batch)
    >>> loss.backward(); optimizer.step(); optimizer.zero_grad()
    >>> aux.weights()
    {'breed': 1.0, 'coat': 1.0, 'size': 1.0}

    A meta step returns the main loss after the look-ahead. It moves weight from one auxiliary to the other:

    >>> outer = aux.after_step(optimizer, batch)
    >>> list(aux.weights().values()) == [1.0, 1.0, 1.0]
    False
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        main: str,
        tasks: Mapping[str, Loss],
        combiner: str | Combiner = "softmax",
        every: int = 25,
        estimator: str | Estimator = "lookahead",
        lr: float = 1e-2,
        scale: str = "unit",
        labeler: Labeler | None = None,
        inputs: Inputs = "x",
        targets: Targets = None,
        outputs: Callable[[Any], Any] | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        meta_clip: float | None = None,
        **options: float | int | str | bool,
    ) -> None:
        check_numbers(every, scale, lr=lr, clip_norm=clip_norm, clip_value=clip_value, meta_clip=meta_clip)
        ordered = in_order(main, tasks, labeler)
        self.combiner = combiner_for(combiner, tuple(ordered), options)
        if isinstance(estimator, str):
            estimator = catalogue.load("hypergradients", estimator)()
        assert isinstance(estimator, Estimator)
        self.every, self.main, self._outputs = every, main, outputs
        self.notices = Notices()
        self.objective = Objective(
            ordered, labeler, self.combiner, rows=methodcaller("rows", main), notify=self.notices
        )
        self.runner = Runner(model, self._pick)
        self.shared = SharedParameters(bare(model), tuple(ordered))
        self.reader, self.source = Reader(ordered, inputs, targets), MetaSource()
        self.meta = MetaStep(
            self.objective,
            self.runner,
            estimator,
            lr,
            scale,
            (clip_norm, clip_value),
            meta_clip,
            self.notices,
        )
        self.watched = WatchedCalls(self.runner, 2 + len(ordered))
        self.watched_step = WatchedStep(model, (clip_norm, clip_value), self.notices)
        self.steps, self.waiting = 0, False
        self.last: tuple[ObjectiveBatch, TaskLosses] | None = None
        self._epoch = torch.zeros(2, len(ordered))
        self._looked_at: set[str] = set()

    # ------------------------------------------------------------------------------------------- the loss

    def __call__(self, outputs: Any, batch: Any) -> Tensor:
        """Compute the training loss of a batch.

        Under `torch.no_grad` only the loss is computed and no state changes, so validation leaves no trace.

        Args:
            outputs: The network's outputs for the batch; by task if the batch is by task.
            batch: The batch, with inputs and targets; or a dictionary of batches by task (other rows for
                each), where a task without rows may be absent.

        Returns:
            The training loss, a scalar with its graph to the network; phi is constant in it.

        Raises:
            ConfigError: An output is missing or does not fit its task, or inputs or targets are not found.
            RunError: The main task's loss is not finite.
        """
        shared = parallel() and torch.is_grad_enabled()
        with together(shared):
            reading = self.reader.read(batch, calls=self._needs_inputs)
        if not reading.y and not shared:
            known = ", ".join(self.objective.names)
            raise ConfigError("The batch has labels for no task", expected=f"some of: {known}")
        if shared and self.objective.labeler is not None:
            share_rows(reading, self.main)
        with together(shared):
            with torch.no_grad():
                context = self.objective.context(reading)
            signals = signals_of(outputs, reading, self.objective.names, self._pick)
            self._refuse_broadcast(signals, reading)
            entries = self.objective.entries(signals, reading, context)
        if shared:
            reading.others = exchanged(*fitted(entries), next(iter(trainable(self.runner).values())))
        losses = self.objective.screened(entries, reading)
        if torch.is_grad_enabled():
            self.objective.look(entries, losses, signals, reading, self.shared)
        self.meta.follow(losses.values.device)
        if not torch.is_grad_enabled():
            return self.objective.combined(losses)
        self.watched.compare(reading.calls, signals, self._pick, self.notices)
        self.runner.note(reading, due=(self.steps + 1) % self.every == 0 or self.waiting)
        loss = self.objective.combined(losses, constant=True)
        self.watched_step.loss(loss)
        self._remember(reading, losses)
        return loss

    @property
    def _needs_inputs(self) -> bool:
        return bool(self.meta.phi) or self.objective.labeler is not None or self.combiner.looks_again

    def _refuse_broadcast(self, signals: Mapping[str, Any], reading: ObjectiveBatch) -> None:
        """Look once at each loss function, with the first batch of two rows or more."""
        for name in [k for k in reading.y if k not in self._looked_at]:
            target, output = reading.y[name], signals.get(name)
            refuse_broadcast(name, self.objective.tasks[name], output, target)
            if isinstance(target, Tensor) and target.dim() and len(target) > 1:
                self._looked_at.add(name)

    def _pick(self, outputs: Any, part: str | None) -> dict[str, Any]:
        """Outputs by task, of all tasks or of the one whose rows these are."""
        found = outputs if self._outputs is None else self._outputs(outputs)
        by_task = isinstance(found, Mapping) and any(name in found for name in self.objective.names)
        names = self.objective.names if part is None else (part,)
        return {k: found[k] for k in names if k in found} if by_task else dict.fromkeys(names, found)

    def _remember(self, reading: ObjectiveBatch, losses: TaskLosses) -> None:
        seen = TaskLosses(losses.values.detach(), losses.present, losses.names)
        if self.last is None:
            self._compare_scales(seen.means())
        self.last = (reading, seen)
        there = seen.seen().to(self._epoch)
        self._epoch = self._epoch + torch.stack([seen.means().to(self._epoch) * there, there])

    def _compare_scales(self, means: Tensor) -> None:
        """Warn of an auxiliary loss a hundred times larger or smaller than the main one, once for each."""
        for sentence in imbalanced(means, self.objective.names, domains=self.reader.sources):
            self.notices(sentence, key=sentence.split("'")[1])

    # --------------------------------------------------------------------------------------- the meta step

    @torch._disable_dynamo  # pyright: ignore[reportPrivateImportUsage]  lazily, as torch's own optimisers do
    @torch.inference_mode(False)
    @torch.enable_grad()
    def after_step(self, optimizer: Any = None, meta: Any = None) -> Tensor | None:
        """Take a meta step if one is due. Call this after every step of the optimiser, under `torch.no_grad` or not.

        Args:
            optimizer: The network's optimiser (wrappers of Accelerate and Lightning are unwrapped), or a list of all
                of them where several train it. Parameters that none of them holds are named in a warning.
            meta: The batch of L_A; a held-out one teaches most. Or an iterator of batches, a `DataLoader` (which
                begins again at its end), or a function that returns a batch; these are called only when a meta step
                is due. None: the last training batch.

        Returns:
            The main task's loss on the meta batch (for the look-ahead, after that step), or None if no
            meta step was taken.

        Raises:
            ConfigError: No batch was seen yet, or the optimiser does not train the network.
            UnsupportedError: The look-ahead does not know this optimiser's update.
        """
        reading, losses = self._last()
        with self.watched.away(), self.runner.as_noted(self.notices):
            self.combiner.after_step(losses, self.objective.gramian)
            self.objective.look_again(self.runner, (reading.calls,), reading, losses)
            if not self.meta.phi:
                if self.meta.learned:
                    self.meta.by_training_loss(losses)
                average_(self.combiner.buffers())
                return None
            step = self.meta.inner(optimizer)
            if step is not None:
                self.watched_step.after_step(step.optimizers)
            self.steps += 1
            if self.steps % self.every and not self.waiting:
                return None
            self._compare_scales(losses.means())
            self.watched_step.at_meta()
            with walked(self.runner):
                with together():
                    outer_reading = self._meta_reading(meta, reading)
                taken, outer = self.meta.take(reading, outer_reading, step)
            self.waiting = not taken
            return outer

    def _meta_reading(self, meta: Any, last: ObjectiveBatch) -> ObjectiveBatch:
        if meta is None:
            kept = {self.main: last.y[self.main]} if self.main in last.y else {}
            return ObjectiveBatch([c for c in last.calls if c.part in (None, self.main)], kept, last.parts)
        reading = self.reader.read(self.source.draw(meta), only=self.main)
        return to_device(reading, next(iter(trainable(self.runner).values())).device)

    # ------------------------------------------------------------------------------------- looking, keeping

    def weights(self) -> dict[str, float]:
        """Return each task's weight in the last batch, dL/d(its mean loss); 0 for a task without labels there."""
        _, losses = self._last()
        return _by_name(losses.names, self.combiner.task_weights(losses, self.objective.gramian))

    def losses(self) -> dict[str, float]:
        """Return each task's mean loss in the last batch; NaN for a task without labels there."""
        _, losses = self._last()
        return _by_name(losses.names, torch.where(losses.seen(), losses.means(), math.nan))

    def after_epoch(self) -> None:
        """Update combiners that use the losses of whole epochs (`dwa`). Call this after every epoch."""
        average_([self._epoch])
        total, count = self._epoch
        self.combiner.end_epoch(total / count)
        self._epoch = torch.zeros_like(self._epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of a checkpoint: phi, its optimiser, counters, and what was found about the network."""
        labeler = self.objective.labeler
        return {
            "combiner": self.combiner.state_dict(),
            "labeler": None if labeler is None else labeler.state_dict(),
            "meta": self.meta.state_dict(),
            "shared": self.shared.state_dict(),
            "gramian": self.objective.gramian,
            "said": sorted(self.notices.given),
            "steps": self.steps,
            "waiting": self.waiting,
            "epoch": self._epoch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that an `Auxiliary` with the same arguments returned."""
        self.meta.load_state_dict(state["meta"])
        self.combiner.load_state_dict(state["combiner"])
        if self.objective.labeler is not None:
            self.objective.labeler.load_state_dict(state["labeler"])
        self.shared.load_state_dict(state["shared"])
        self.objective.gramian, self.notices.given = state["gramian"], set(state["said"])
        self.steps, self.waiting, self._epoch = state["steps"], state["waiting"], state["epoch"].clone()

    def _last(self) -> tuple[ObjectiveBatch, TaskLosses]:
        if self.last is None:
            raise ConfigError("No batch was seen yet", do="Call `aux(outputs, batch)` first.")
        return self.last


def _by_name(names: tuple[str, ...], values: Tensor) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
