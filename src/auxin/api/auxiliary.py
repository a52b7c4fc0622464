"""Auxiliary: learn how auxiliary tasks weigh beside the main one, in a training loop of your own."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.api._meta import MetaStep
from auxin.api._notices import Notices
from auxin.api._options import check_numbers, combiner_for, in_order
from auxin.api._reading import Inputs, Reader, Reading, Targets, to_device
from auxin.api._runner import Runner
from auxin.api._sharing import share_rows
from auxin.api._source import MetaSource
from auxin.combiners._base import Combiner, TaskLosses
from auxin.errors import ConfigError, message
from auxin.hypergradients import Estimator
from auxin.labelers._base import Labeler
from auxin.math.params import bare, trainable
from auxin.training.objective import Objective
from auxin.training.processes import Others, average_, exchanged, parallel, world_size
from auxin.training.screen import imbalanced
from auxin.training.shared import SharedParameters
from auxin.training.task_losses import Entry, Loss, fitted, mean, refuse_broadcast


class Auxiliary:
    """One training loss out of many, whose weights are learned so that the main task generalises.

    Called on what the network puts out and the batch, it gives an ordinary scalar; `after_step` moves what is
    learned (phi) by the hypergradient of the main task's loss. Everything else stays the user's: the loop, the
    optimiser, accumulation, scaling, clipping, schedules, devices, wrappers.

    **Where the look-ahead stands.** `after_step` is called when the step from W_t to W_(t+1) is done. The
    meta step then asks how the *next* step, taken from W_(t+1) with the optimiser's state as it is now, on the
    batch last seen, would change the main task's loss on the meta batch; it computes that step's gradient
    itself and moves nothing but phi. Parameters, buffers, gradients, random state and optimiser state are
    bit-identical afterwards. (With accumulation, the batch last seen is the last micro-batch.)

    **Missing labels.** A sample without a label has a class below zero, or NaN (in a list: None); a task
    without any label in a batch is absent from it, or None. A task's loss is the mean over its labelled samples.

    Args:
        model: the network, bare or wrapped (data parallelism, `torch.compile`); the wrapper is not called.
        main: the name of the task that matters.
        tasks: every task by name: a task of auxin's (`Classes`, `Regression` ...), or a function (output,
            target) to a loss per sample (best) or a scalar.
        combiner: a name among `auxin ls combiners`, or a combiner for these tasks, main first.
        every: `after_step` calls between meta steps.
        estimator: a name among `auxin ls hypergradients`, or an estimator.
        lr: of phi's own optimiser, Adam; a softmax weight's logit moves by about this much per meta step.
        scale: "unit" (the hypergradient divided by the estimator's step size) or "raw".
        labeler: makes the targets of a further task named `labels`, for which the network needs an output;
            its parameters are learned too.
        inputs: the network's arguments in a batch: a key (its value is the one argument), several keys (keyword
            arguments), or a function of the batch (a tuple: positional, a dictionary: keyword arguments).
        targets: a function from a batch to its targets by task (None: the batch itself, its `y`, or the
            second of two items).
        outputs: a function from what the network puts out to outputs by task (None: it is that, or one
            tensor for all tasks).
        clip_norm: what you give to `clip_grad_norm_`, if you do, so that the look-ahead clips too.
        clip_value: what you give to `clip_grad_value_`, if you do.
        meta_clip: the largest global norm of the hypergradient, or None; AuxiLearn's authors use 10 and 50.
        options: the named combiner's own.

    Raises:
        ConfigError: the main task is not among the tasks, or an argument makes no sense.

    >>> from torch.nn.functional import cross_entropy
    >>> model = nn.ModuleDict({"trunk": nn.Linear(4, 8)} | {k: nn.Linear(8, 3) for k in ("breed", "coat", "size")})
    >>> forward = lambda x: {k: model[k](model["trunk"](x).relu()) for k in ("breed", "coat", "size")}
    >>> model.forward = forward
    >>> tasks = dict.fromkeys(("breed", "coat", "size"), cross_entropy)
    >>> aux = Auxiliary(model, main="breed", tasks=tasks, combiner="softmax", every=1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> batch = {"x": torch.randn(8, 4), "breed": torch.arange(8) % 3, "coat": torch.arange(8) % 2}
    >>> loss = aux(model(batch["x"]), batch | {"size": [0, 1, 2, None, None, 0, 1, 2]})
    >>> loss.backward(); optimizer.step(); optimizer.zero_grad()
    >>> aux.weights()
    {'breed': 1.0, 'coat': 1.0, 'size': 1.0}
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
            ordered, labeler, self.combiner, rows=lambda reading: reading.rows(main), tell=self.notices
        )
        self.runner = Runner(bare(model), self._pick)
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
        self.steps, self.waiting = 0, False
        self.last: tuple[Reading, TaskLosses] | None = None
        self._epoch = torch.zeros(2, len(ordered))
        self._looked_at: set[str] = set()

    # ------------------------------------------------------------------------------------------- the loss

    def __call__(self, outputs: Any, batch: Any) -> Tensor:
        """The training loss of a batch, a scalar with its graph to the network (phi is constant in it).

        Under `torch.no_grad` it is the loss and nothing is remembered, so validation leaves no trace.

        Args:
            outputs: what the network put out for the batch; by task where the batch is.
            batch: the batch, with inputs and targets; or a dictionary of batches by task (other rows for
                each), where a task without rows may be absent.

        Raises:
            ConfigError: an output is missing or does not fit its task, or inputs or targets are not found.
            RunError: the main task's loss is not finite.
        """
        reading = self.reader.read(batch, calls=self._needs_inputs)
        shared = parallel() and torch.is_grad_enabled()
        if not reading.y and not shared:
            known = ", ".join(self.objective.names)
            raise ConfigError(message("The batch has labels for no task", expected=f"some of: {known}"))
        if shared and self.objective.labeler is not None:
            share_rows(reading, self.main)
        with torch.no_grad():
            context = self.objective.context(reading)
        signals = self._signals(outputs, reading)
        self._refuse_broadcast(signals, reading)
        entries = self.objective.entries(signals, reading, context)
        if shared:
            reading.others = exchanged(*fitted(entries), next(iter(trainable(self.runner).values())))
        losses = self.objective.screened(entries, reading)
        self.meta.follow(losses.values.device)
        if not torch.is_grad_enabled():
            return self.objective.combined(losses)
        self.objective.look(_means(entries, losses, reading.others), self.shared)
        loss = self.objective.combined(losses, constant=True)
        self._remember(reading, losses)
        return loss

    @property
    def _needs_inputs(self) -> bool:
        return bool(self.meta.phi) or self.objective.labeler is not None or self.combiner.looks_again

    def _refuse_broadcast(self, signals: Mapping[str, Any], reading: Reading) -> None:
        """Look once at each loss function, with the first batch of two rows or more."""
        for name in [k for k in reading.y if k not in self._looked_at]:
            target, output = reading.y[name], signals.get(name)
            refuse_broadcast(name, self.objective.tasks[name], output, target)
            if isinstance(target, Tensor) and target.dim() and len(target) > 1:
                self._looked_at.add(name)

    def _signals(self, outputs: Any, reading: Reading) -> dict[str, Any]:
        if not reading.parts:
            return self._pick(outputs, None)
        if not isinstance(outputs, Mapping):
            raise ConfigError(
                message(
                    "The batch holds other rows for each task, so the outputs must be by task",
                    expected="{task: model(rows of that task)}",
                    found=type(outputs).__name__,
                )
            )
        return {
            k: v
            for part in outputs
            if part in self.objective.names
            for k, v in self._pick(outputs[part], part).items()
        }

    def _pick(self, outputs: Any, part: str | None) -> dict[str, Any]:
        """Outputs by task, of all tasks or of the one whose rows these are."""
        found = outputs if self._outputs is None else self._outputs(outputs)
        by_task = isinstance(found, Mapping) and any(name in found for name in self.objective.names)
        names = self.objective.names if part is None else (part,)
        return {k: found[k] for k in names if k in found} if by_task else dict.fromkeys(names, found)

    def _remember(self, reading: Reading, losses: TaskLosses) -> None:
        seen = TaskLosses(losses.values.detach(), losses.present, losses.names)
        if self.last is None:
            self._compare_scales(seen.means())
        self.last = (reading, seen)
        there = seen.seen().to(self._epoch)
        self._epoch = self._epoch + torch.stack([seen.means().to(self._epoch) * there, there])

    def _compare_scales(self, means: Tensor) -> None:
        """Warn of an auxiliary loss a hundred times larger or smaller than the main one, once for each."""
        for sentence in imbalanced(means, self.objective.names):
            self.notices(sentence, key=sentence.split("'")[1])

    # --------------------------------------------------------------------------------------- the meta step

    def after_step(self, optimizer: Any = None, meta: Any = None) -> Tensor | None:
        """To be called after every step of the optimiser; takes a meta step every so often.

        Args:
            optimizer: the network's own, as it is (wrappers of Accelerate and Lightning are looked into), or all of
                them in a list where several train it. Parameters that none of them holds are named in a warning.
            meta: the batch of L_A: a held-out one teaches most. An iterator of batches, a `DataLoader` (which begins
                again at its end), or a function that gives one, is asked only when a meta step is due. None: the batch
                last seen.

        Returns:
            The main task's loss on the meta batch (for the look-ahead, after that step), or None where no
            meta step was taken.

        Raises:
            ConfigError: no batch was seen yet, or the optimiser does not train the network.
            UnsupportedError: the optimiser is not one that can be looked through.
        """
        reading, losses = self._last()
        self.combiner.after_step(losses, self.objective.gramian)
        self.objective.look_again(self.runner, (reading.calls,), reading, losses)
        if not self.meta.phi:
            self._without_phi(losses)
            return None
        step = self.meta.inner(optimizer)
        self.steps += 1
        if self.steps % self.every and not self.waiting:
            return None
        self._compare_scales(losses.means())
        taken, outer = self.meta.take(reading, self._meta_reading(meta, reading), step)
        self.waiting = not taken
        return outer

    def _meta_reading(self, meta: Any, last: Reading) -> Reading:
        if meta is None:
            kept = {self.main: last.y[self.main]} if self.main in last.y else {}
            return Reading([c for c in last.calls if c.part in (None, self.main)], kept, last.parts)
        reading = self.reader.read(self.source.draw(meta), only=self.main)
        return to_device(reading, next(iter(trainable(self.runner).values())).device)

    def _without_phi(self, losses: TaskLosses) -> None:
        if self.meta.learned:
            self.meta.by_training_loss(losses)
        average_(self.combiner.buffers())

    # ------------------------------------------------------------------------------------- looking, keeping

    def weights(self) -> dict[str, float]:
        """How much each task weighs in the last batch, dL/d(its mean loss); 0 for a task without labels there."""
        _, losses = self._last()
        return _by_name(losses.names, self.combiner.task_weights(losses, self.objective.gramian))

    def losses(self) -> dict[str, float]:
        """Each task's mean loss in the last batch; NaN for a task without labels there."""
        _, losses = self._last()
        return _by_name(losses.names, torch.where(losses.seen(), losses.means(), math.nan))

    def after_epoch(self) -> None:
        """To be called after every epoch, for combiners that look at whole epochs (`dwa`)."""
        average_([self._epoch])
        total, count = self._epoch
        self.combiner.end_epoch(total / count)
        self._epoch = torch.zeros_like(self._epoch)

    def state_dict(self) -> dict[str, Any]:
        """All that must survive a restart: phi, its optimiser, counters, what was found."""
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
        """Go on from a saved state, of an `Auxiliary` made alike."""
        self.combiner.load_state_dict(state["combiner"])
        if self.objective.labeler is not None:
            self.objective.labeler.load_state_dict(state["labeler"])
        self.meta.load_state_dict(state["meta"])
        self.shared.load_state_dict(state["shared"])
        self.objective.gramian, self.notices.given = state["gramian"], set(state["said"])
        self.steps, self.waiting, self._epoch = state["steps"], state["waiting"], state["epoch"].clone()

    def _last(self) -> tuple[Reading, TaskLosses]:
        if self.last is None:
            raise ConfigError(message("No batch was seen yet", do="Call `aux(outputs, batch)` first."))
        return self.last


def _means(entries: Sequence[Entry], losses: TaskLosses, others: Others | None) -> list[Tensor | None]:
    """Each task's mean loss with a graph of its own; None for a task without a label in the batch.

    Under data parallelism it is this process's share of the mean over all rows, times the number of processes.
    """
    means = [mean(*e) if there else None for e, there in zip(entries, losses.seen().tolist(), strict=True)]
    if others is None:
        return means
    axes = [d for d in range(losses.present.dim()) if d != 1]
    mine, total = others.own(losses.present).sum(axes), losses.present.sum(axes).clamp(min=1)
    shares = (world_size() * mine / total).tolist()
    return [None if m is None else m * share for m, share in zip(means, shares, strict=True)]


def _by_name(names: tuple[str, ...], values: Tensor) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
