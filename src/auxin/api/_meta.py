"""The meta step: phi moves by the hypergradient of the main task's loss, and nothing else moves."""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from auxin.api._notices import Notices
from auxin.api._optimizer import checked, unwrapped
from auxin.api._reading import ObjectiveBatch
from auxin.api._runner import Runner
from auxin.api._sharing import share_losses, share_main
from auxin.combiners.base import TaskLosses, rate_groups
from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients import BilevelProblem, Estimator, Hypergradient, gradient_without_a_trace, repeated
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.params import trainable
from auxin.math.rng import under_rng
from auxin.math.sharding import is_sharded, reshard
from auxin.optimizers import InnerStep
from auxin.training.objective import Objective
from auxin.training.processes import averaged, parallel, together

_IDLE = (
    "The hypergradient is zero, so nothing is learned: the tasks share no trainable parameters, or the combiner "
    "has no choice (`softmax` over a single auxiliary needs slack=True)."
)

_UNHELD = (
    "No optimiser that was given holds {} of the network's {} trainable parameters ({}); the look-ahead takes them to "
    "stand still. If another optimiser trains them, give all of them: `after_step([first, second], meta)`."
)


class MetaStep:
    """What moves phi (or a combiner's parameters that their paper trains by the training loss).

    Args:
        objective: The two losses.
        runner: The network.
        estimator: estimates the hypergradient.
        lr: Learning rate of Adam.
        scale: "unit" or "raw".
        clip: `clip_norm` and `clip_value` of the look-ahead.
        meta_clip: The largest global norm of the hypergradient, or None.
        notices: Gives warnings.
    """

    def __init__(
        self,
        objective: Objective,
        runner: Runner,
        estimator: Estimator,
        lr: float,
        scale: str,
        clip: tuple[float | None, float | None],
        meta_clip: float | None,
        notices: Notices,
    ) -> None:
        self.objective, self.runner, self.estimator, self.notices = objective, runner, estimator, notices
        self.scale, self.clip, self.meta_clip = scale, clip, meta_clip
        self.phi = objective.phi()
        self.learned = self.phi or objective.main_parameters()
        self.optimizer = (
            torch.optim.Adam(rate_groups(self.learned, objective.combiner, lr), lr=lr)
            if self.learned
            else None
        )
        self._seen: list[int] = []

    def inner(self, optimizer: Any) -> InnerStep | None:
        """The user's next step, where the estimator looks through it.

        Optimisers are checked when they are new, and when their groups or the network's parameters are others.

        Args:
            optimizer: The user's optimiser, or several in a list or a mapping.

        Raises:
            ConfigError: They do not train the network, or they hold phi.
            UnsupportedError: One cannot be looked through.
        """
        reshard(self.runner)
        plain, parameters = unwrapped(optimizer), trainable(self.runner.network)
        groups = [group["params"] for each in plain for group in getattr(each, "param_groups", ())]
        seen = [*map(id, plain), *map(len, groups), *map(id, parameters.values())]
        if not plain or seen != self._seen:
            unheld = checked(plain, parameters, self.phi, needed=self.estimator.needs_step)
            if unheld and plain and self.estimator.needs_step:
                more = f" and {len(unheld) - 5} more" if len(unheld) > 5 else ""
                self.notices(_UNHELD.format(len(unheld), len(parameters), ", ".join(unheld[:5]) + more))
            self._seen = seen
        if is_sharded(self.runner):
            self._refuse_unless_by_difference()
        if not plain or not self.estimator.needs_step:
            return None
        return InnerStep(plain, parameters.values(), *self.clip)

    def take(
        self, train: ObjectiveBatch, meta: ObjectiveBatch, step: InnerStep | None
    ) -> tuple[bool, Tensor | None]:
        """One meta step; tells whether one was possible, and the main task's loss on the meta batch.

        Under data parallelism every process takes part if any has the main label: with the look-ahead, processes with
        parts of a batch do what one process with the whole batch does.
        """
        here = share_main(self.objective, meta, self.phi[0])
        found = None
        if here:
            with self.runner.as_next(), together():  # a batch's self-check may refuse in one process alone
                found = self._estimate(train, meta, step)
        gradients = averaged(None if found is None else found.gradients, self.phi)
        if gradients is None:
            main = self.objective.names[0]
            self.notices(
                f"A meta batch has no label for {main!r}; the meta step is postponed until a batch has one."
            )
        elif not all(bool(torch.isfinite(g).all()) for g in gradients):
            self.notices("A hypergradient is not finite; this meta step is skipped.")
        else:
            moves = step is None or bool(step.unit)  # at a learning rate of 0 a zero says nothing
            if (
                moves
                and not any(bool(g.any()) for g in gradients)
                and set(self.objective.names) == set(train.y)
            ):
                self.notices(_IDLE)
            self._move(gradients)
            self.objective.combiner.after_meta_step()
        return gradients is not None, None if found is None else found.outer_loss

    def by_training_loss(self, losses: TaskLosses) -> None:
        """A step of the parameters that their paper trains by the training loss itself."""
        with torch.enable_grad():
            loss = self.objective.combined(losses)
        found = torch.autograd.grad(loss, self.learned, materialize_grads=True, allow_unused=True)
        self._move(averaged(found, self.learned) or [])

    def follow(self, device: torch.device) -> None:
        """The combiner goes where the losses are, and its optimiser's state with it."""
        combiner = self.objective.combiner
        if any(t.device != device for t in [*combiner.parameters(), *combiner.buffers()]):
            combiner.to(device)
            if self.optimizer is not None:
                self.optimizer.load_state_dict(self.optimizer.state_dict())

    @property
    def _owner(self) -> str:
        return f"{type(self.objective.combiner).__name__} of {', '.join(self.objective.names)}"

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state and the estimator's, and whose they are."""
        return {
            "for": self._owner,
            "optimizer": None if self.optimizer is None else self.optimizer.state_dict(),
            "estimator": getattr(self.estimator, "state_dict", dict)(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a copy of a saved state: torch's optimisers would go on in the tensors that they are given.

        Raises:
            ConfigError: It is the state of other tasks, or of another combiner.
        """
        if state.get("for", self._owner) != self._owner:
            raise ConfigError(
                "The saved state is another `Auxiliary`'s, and weights would go to other tasks",
                expected=self._owner,
                found=state["for"],
                do="Make it with the same combiner, and the same tasks in the same order.",
            )
        state = copy.deepcopy(state)
        if self.optimizer is not None:
            self.optimizer.load_state_dict(state["optimizer"])
        if hasattr(self.estimator, "load_state_dict"):
            self.estimator.load_state_dict(state["estimator"])  # type: ignore[attr-defined]

    def _estimate(self, train: ObjectiveBatch, meta: ObjectiveBatch, step: InnerStep | None) -> Hypergradient:
        self.runner.training = self.runner.network.training
        problem, gradient = self.problem(), None
        at_once = isinstance(self.estimator, Lookahead | FiniteDifference)
        if parallel():
            share_losses(self.objective, self.runner, train, at_once)
        if is_sharded(self.runner):
            self._refuse_unless_by_difference()
        with ExitStack() as passes:
            with together():  # the first batch may show in one process alone that a pass cannot be repeated
                passes.enter_context(repeated(problem, (train, meta), step))
            if parallel() and at_once and not is_sharded(self.runner):
                with together(), under_rng(None):
                    gradient = gradient_without_a_trace(problem, train)
                gradient = gradient.over_processes(problem)
            found = self.estimator.estimate(problem, train, meta, step, gradient, self.scale)
        self.notices.given.update(found.notes)
        return found

    def _refuse_unless_by_difference(self) -> None:
        """Refuse estimators that put other parameters into a sharded network, which spoils it for good."""
        if not isinstance(self.estimator, FiniteDifference):
            raise UnsupportedError(
                f"The network is sharded, and {type(self.estimator).__name__} puts other parameters in it",
                do='Use estimator="finite_difference", which needs ordinary forward and backward passes alone.',
            )

    def problem(self) -> BilevelProblem:
        """The bilevel problem; its batches are readings."""
        objective, labeler = self.objective, self.objective.labeler

        def average(v: list[Tensor]) -> list[Tensor]:
            return averaged(v, v) or v

        return objective.problem(
            self.runner,
            inputs=lambda reading: (reading.calls,),
            auxiliary=[] if labeler is None else [labeler],
            average=average if parallel() else None,
            influence=False,
        )

    def _move(self, gradients: Sequence[Tensor]) -> None:
        assert self.optimizer is not None
        for parameter, gradient in zip(self.learned, gradients, strict=True):
            parameter.grad = gradient.to(parameter)
        if self.meta_clip is not None and self.phi:
            torch.nn.utils.clip_grad_norm_(self.phi, self.meta_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
