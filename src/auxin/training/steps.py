"""The two kinds of step: the inner step updates W, the meta step updates phi."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from auxin.combiners.base import TaskLosses
from auxin.errors import ConfigError
from auxin.hypergradients import Estimator, Hypergradient, TrainingGradient, training_gradient
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.deferred import deferring, put_off, traced
from auxin.math.functional import copies, still
from auxin.math.visits import Visit, visiting, watching
from auxin.optimizers import InnerStep
from auxin.training.compiled import CompiledStep, at_rate, why_not, why_not_meta
from auxin.training.objective import Objective
from auxin.training.precision import Precision
from auxin.training.shared import SharedParameters
from auxin.typing import Batch, Signals

Losses = tuple[Tensor, Tensor]
"""The tasks' losses and which of them carry a label, as in `TaskLosses`."""

TRAIN, FUSED, META = "training step", "fused step", "meta step"
WATCHED = 2
"""How many training steps are watched before a step is recorded: what a first one leaves may be a cache."""


@dataclass(eq=False)
class Learner:
    """The networks and optimisers that the two steps move.

    Attributes:
        network: The primary network.
        criterion: The training loss, which holds the auxiliary networks.
        optimizer: moves W (and a combiner's parameters, where its paper trains them by the training loss).
        estimator: estimates the hypergradient, or None for methods without a meta step.
        meta_optimizer: moves phi.
        scale: "raw" or "unit" (see `Estimator.estimate`).
        clip: The largest global norm of grad_W L_T, or None.
        precision: The numbers' format and the images' memory order.
        compiled: compile the steps; where that cannot be done they run eagerly, and the reason is in `notes`.
        meta_clip: The largest global norm of phi's hypergradient, or None.
        notes: What an estimator or the compiler decided for the user, each said once.
        seen: 1 for each task that had a label in the last training step, [T].
    """

    network: nn.Module
    criterion: Objective
    optimizer: torch.optim.Optimizer
    estimator: Estimator | None = None
    meta_optimizer: torch.optim.Optimizer | None = None
    scale: str = "unit"
    clip: float | None = None
    precision: Precision = field(default_factory=Precision)
    compiled: bool = False
    meta_clip: float | None = None
    notes: list[str] = field(default_factory=list)
    seen: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.weights = [p for p in self.network.parameters() if p.requires_grad]
        known = getattr(self.network, "shared_parameters", lambda: self.weights)()
        self.shared = SharedParameters(self.network, self.criterion.names, known)
        labeler = self.criterion.labeler
        self.precision.prepare(self.network, *([] if labeler is None else [labeler]))
        device = next(self.network.parameters()).device
        autocast = self.precision.autocast(device.type)
        self.problem = self.criterion.problem(self.network, autocast, influence=False)
        self.trained = [*self.weights, *self.criterion.main_parameters()]
        self.defers = self.compiled or device.type == "cuda"
        self._rate_now: Tensor | None = None
        self.kernels = self._kernels() if self.compiled else {}
        self._unwatched = WATCHED
        if self.learns and self.criterion.main_parameters():
            raise ConfigError(
                f"{type(self.criterion.combiner).__name__} is trained by the training loss",
                expected="a combiner that nothing or the hypergradient trains, beside learned labels",
                do="Use another combiner, such as equal or linear",
            )
        self.inner = InnerStep(self.optimizer, self.weights, clip_norm=self.clip) if self.estimator else None

    @property
    def buffered(self) -> list[nn.Module]:
        """Parts of the network with buffers that training passes may read and move, as spectral norm's do."""
        parts = self.network.modules()
        return [p for p in parts if p._buffers and not isinstance(p, nn.modules.batchnorm._NormBase)]

    @property
    def learns(self) -> bool:
        """Whether there is a phi to train and an estimator to train it by."""
        return self.estimator is not None and len(list(self.problem.phi)) > 0

    def note(self, note: str) -> None:
        """Note a decision, once, and print it."""
        if note not in self.notes:
            self.notes.append(note)
            print(note, file=sys.stderr)

    def check_every_step(self, wrong: Sequence[str]) -> None:
        """From now on wait for the answer to every question about values: these got a no."""
        self.defers, self.kernels = False, {}
        self.note(
            f"Every step is checked as it is taken from now on, because it is no longer true that {', '.join(wrong)}."
        )

    def train_step(self, batch: Batch) -> Tensor:
        """One inner step with the auxiliary targets held constant; returns the per-task mean losses [T], detached."""
        batch = self.precision.place(batch)
        grads, losses = self._run(TRAIN, self._training, batch)
        means = self.inner_step(grads, losses)
        before = TaskLosses(losses[0], losses[1], self.criterion.names)
        self.criterion.look_again(self.network, (batch.x,), batch, before)
        return means

    def _training(self, batch: Batch) -> tuple[Sequence[Tensor | None], Losses]:
        """The gradients of the training loss, and the tasks' losses."""
        with torch.no_grad(), self.problem.autocast():
            context = self.problem.raised(self.criterion.context(batch))
        with self.problem.autocast():
            signals = self.network(batch.x)
        losses = self.criterion.losses(self.problem.raised(signals), batch, context, self.shared)
        grads = torch.autograd.grad(self.criterion.combined(losses), self.trained, allow_unused=True)
        return grads, (losses.values.detach(), losses.present)

    def fused_step(self, batch: Batch, meta: Batch) -> Tensor:
        """One meta step and one inner step that share the gradient at W; returns the per-task mean losses [T]."""
        if self.criterion.combiner.needs_gramian:  # its criterion needs the training step's Gramian first
            means = self.train_step(batch)
            self.meta_step(batch, meta)
            return means
        batch, meta = self.precision.place_both(batch, meta)
        grads, hyper, _, losses = self._run(FUSED, self._fused, batch, meta)
        self.meta_update(hyper)
        return self.inner_step(grads, losses)

    def _fused(self, batch: Batch, meta: Batch) -> tuple[Sequence[Tensor], Sequence[Tensor], Tensor, Losses]:
        # A buffer that a training pass reads moves in it, as spectral norm's does.
        begun = copies([self.network])
        with self.beginning(batch) as (gradient, losses), still([self.network], begun):
            found = self.hypergradient(batch, meta, gradient)
        return gradient.gradients, found.gradients, found.outer_loss, losses

    @contextmanager
    def beginning(self, batch: Batch, **options: Any) -> Iterator[tuple[TrainingGradient, Losses]]:
        """The training step's gradient (with `training_gradient`'s options) and losses.

        Passes and losses within begin where the training step's do, and what it leaves stays. Buffers of the network
        are the caller's matter.
        """
        seen = []

        def criterion(signals: Signals, batch: Batch, *context: Any) -> Tensor:
            losses = self.criterion.losses(signals, batch, *(context or (None,)))
            seen.append((losses.values.detach(), losses.present))
            return self.criterion.combined(losses)

        with self.leaving_nothing() as visit:
            gradient = training_gradient(replace(self.problem, criterion=criterion), batch, **options)
            if visit is not None:
                visit.stay()
            yield gradient, seen[0]

    def leaving_nothing(self) -> AbstractContextManager[Visit | None]:
        """Passes and losses within begin alike and leave nothing; what is recorded keeps nothing (see `_watched`)."""
        if traced():
            return nullcontext()
        network, *labeler = self._modules()
        return visiting(network, losses=self.criterion.tasks.values(), without=labeler)

    def meta_step(self, batch: Batch, meta: Batch) -> Tensor:
        """One meta step alone; W stays as it is. Returns the outer loss."""
        batch, meta = self.precision.place_both(batch, meta)
        hyper, outer_loss = self._run(META, self._meta, batch, meta)
        self.meta_update(hyper)
        return outer_loss

    def _meta(self, batch: Batch, meta: Batch) -> tuple[Sequence[Tensor], Tensor]:
        with self.leaving_nothing():
            found = self.hypergradient(batch, meta, None)
        return found.gradients, found.outer_loss

    def hypergradient(
        self, batch: Batch, meta: Batch, gradient: TrainingGradient | None, **options: Any
    ) -> Hypergradient:
        """The hypergradient, with the estimator's own options; what it decided is noted."""
        assert self.estimator is not None
        estimator, inner = (traced() and self._recorded()) or (self.estimator, self.inner)
        found = estimator.estimate(self.problem, batch, meta, inner, gradient, self.scale, **options)
        self.notes += [note for note in found.notes if note not in self.notes]
        return found

    def meta_update(self, hyper: Sequence[Tensor]) -> None:
        """Move phi by its hypergradient."""
        assert self.meta_optimizer is not None
        for parameter, grad in zip(self.problem.phi, hyper, strict=True):
            parameter.grad = grad
        if self.meta_clip is not None:
            nn.utils.clip_grad_norm_(list(self.problem.phi), self.meta_clip)
        self.meta_optimizer.step()
        self.criterion.combiner.after_meta_step()

    def inner_step(self, grads: Sequence[Tensor | None], losses: Losses) -> Tensor:
        """Move W by these gradients, and let a combiner with a rule of its own move too; the mean losses [T]."""
        for parameter, grad in zip(self.trained, grads, strict=True):
            parameter.grad = grad
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.weights, self.clip)
        self.optimizer.step()
        seen = TaskLosses(*losses, self.criterion.names)
        self.criterion.combiner.after_step(seen, self.criterion.gramian)
        if self.criterion.consistency is not None:
            self.criterion.consistency.after_step(self.network)
        self.seen = seen.seen().int()
        return seen.means()

    def _run(self, name: str, step: Callable[..., Any], *batches: Batch) -> Any:
        """The step's results, from its compiled form where there is one and it is its time."""
        kernel = self.kernels.get(name)
        if kernel is None or (name != TRAIN and self._recorded() is None):
            return step(*batches)
        if self._unwatched:
            return step(*batches) if name == META else self._watched(step, *batches)
        look = watching(self._modules(), self.criterion.tasks.values(), undo=True)
        with look if kernel.records_next else nullcontext([]) as changed:
            # The rate by a fill: a copy to the device would wait.
            rate = torch.full((), self.optimizer.param_groups[0]["lr"], device=self.weights[0].device)
            results, answers = kernel(rate, *((b.x, b.y, b.rows) for b in batches))
        if changed:
            self._run_eagerly(changed)
            return step(*batches)
        if deferring():
            put_off(answers)
        elif any(int(count) for count in answers.values()):
            return step(*batches)
        return results

    def _watched(self, step: Callable[..., Any], *batches: Batch) -> Any:
        """An eager step's results; no step is recorded where training steps keep what a record holds constant."""
        with watching(self._modules(), self.criterion.tasks.values()) as changed:
            results = step(*batches)
        self._unwatched = self._unwatched - 1 if changed else 0
        if changed and not self._unwatched:
            self._run_eagerly(changed)
        return results

    def _run_eagerly(self, changed: Sequence[str]) -> None:
        self.kernels = {}
        self.note(
            f"The steps are not compiled but run eagerly: each changes {', '.join(changed[:3])}, which a compiled "
            "step holds constant (buffers of the network that are changed in place are not)."
        )

    def _modules(self) -> list[nn.Module]:
        labeler = self.criterion.labeler
        return [self.network] if labeler is None else [self.network, labeler]

    def _kernels(self) -> dict[str, CompiledStep]:
        """The steps that can be compiled, by name."""
        modules = self._modules()
        steps = {TRAIN: self._training, FUSED: self._fused, META: self._meta}
        refused = why_not(modules, self.criterion.combiner)
        if self.criterion.consistency is not None and not self.criterion.consistency.compiles:
            refused = f"{type(self.criterion.consistency).__name__} needs a second network in every step"
        if refused:
            self.note(f"The steps are not compiled but run eagerly: {refused}")
            return {}
        if self.estimator is not None and (refused := why_not_meta(self.estimator, self.optimizer)):
            self.note(f"The meta step is not compiled but runs eagerly: {refused}")
            steps = {TRAIN: self._training}
        return {n: CompiledStep(n, self._of_tensors(step), modules, self.note) for n, step in steps.items()}

    def _of_tensors(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(rate: Tensor, *parts: tuple[Tensor, dict[str, Tensor], Tensor]) -> Any:
            self._rate_now = rate
            return step(*(Batch(*part) for part in parts))

        return recorded

    def _recorded(self) -> tuple[Estimator, InnerStep] | None:
        """Estimator and inner step in a form that can be recorded; None before a first eager step."""
        assert isinstance(self.estimator, Lookahead)
        assert self.inner is not None
        found = self.estimator.settled(self.problem)
        momentum = any(group.get("momentum") for group in self.optimizer.param_groups)
        if found is None or (momentum and not self.optimizer.state):
            return None
        return found, at_rate(self.inner, self._rate_now)
