"""The loop: epochs of inner and meta steps, validation, early stopping, checkpoints. It never names a method."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from auxin.errors import RunError
from auxin.interrupts import checkpoint_seconds, checkpointing, requested
from auxin.math.deferred import deferred
from auxin.training import state as checkpoints
from auxin.training.following import following_epoch
from auxin.training.schedules import LearningRate, alternating_epoch, fused_epoch, plain_epoch
from auxin.training.state import EpochLog, TrainState

Score = Callable[[], float]


class Diverged(RunError):
    """The training loss became infinite or not a number."""


@dataclass(frozen=True)
class Plan:
    """How long and in which rhythm to train.

    Attributes:
        epochs: Number of passes over the main-labelled rows.
        rate: Learning rate of each step.
        rhythm: "fused", "alternating" or "following" (only read where there is a phi to learn).
        every: Number of inner steps per meta step, in the fused and the following rhythm.
        meta: "same", "next" or "auxiliary".
        patience: Number of epochs without a better validation score after which training stops; None: no early stop.
    """

    epochs: int
    rate: LearningRate
    rhythm: str = "fused"
    every: int = 1
    meta: str = "next"
    patience: int | None = None


@dataclass(frozen=True)
class EpochCallbacks:
    """What is measured after each epoch, and the functions that are called then.

    Attributes:
        validation: Function that computes the validation score of the current network.
        development: Function that computes the score on development rows, or None.
        measures: Further quantities to record.
        on_epoch: Function called after each epoch (for a progress bar or a file of JSON lines).
        checkpoint: Path of the saved state, or None.
        interval: Time between two checkpoints in seconds.
    """

    validation: Score | None = None
    development: Score | None = None
    measures: Callable[[], dict[str, float]] | None = None
    on_epoch: Callable[[EpochLog], None] | None = None
    checkpoint: Path | None = None
    interval: float = field(default_factory=checkpoint_seconds)


def fit(state: TrainState, plan: Plan, watch: EpochCallbacks) -> None:
    """Train to the plan's end, going on from the checkpoint if there is one.

    Raises:
        Diverged: The training loss became infinite or not a number; the message says in which epoch.
        Terminated: SIGTERM or SIGHUP came; the epoch in progress was finished and its checkpoint written.
    """
    if watch.checkpoint is not None:
        checkpoints.load(state, watch.checkpoint)
    with checkpointing() as end_if_asked:
        saved_at = time.monotonic()
        while len(state.logs) < plan.epochs and not _out_of_patience(state, plan):
            log = _epoch(state, plan)
            log.validation = watch.validation() if watch.validation is not None else None
            log.development = watch.development() if watch.development is not None else None
            log.measures = watch.measures() if watch.measures is not None else {}
            state.logs.append(log)
            _remember_best(state, plan)
            if watch.on_epoch is not None:
                watch.on_epoch(log)
            due = requested() is not None or time.monotonic() - saved_at >= watch.interval
            if watch.checkpoint is not None and due:
                checkpoints.save(state, watch.checkpoint)
                saved_at = time.monotonic()
            end_if_asked()
    if state.best is not None:
        state.learner.network.load_state_dict(state.best["weights"])


def _epoch(state: TrainState, plan: Plan) -> EpochLog:
    state.learner.network.train()
    begun, first = time.perf_counter(), state.step
    epoch = len(state.logs) + 1
    try:
        losses = _mean_losses(state, plan)
    except RunError as error:
        raise Diverged(f"Training diverged in epoch {epoch}. {error}") from error
    seconds = time.perf_counter() - begun
    names = state.learner.criterion.names
    if not all(map(math.isfinite, losses)):
        broken = ", ".join(n for n, v in zip(names, losses, strict=True) if not math.isfinite(v))
        do = "Lower the learning rate or the auxiliary weight"
        raise Diverged(f"Training diverged in epoch {epoch}: the loss of {broken} is not finite", do=do)
    state.learner.criterion.combiner.end_epoch(torch.tensor(losses))
    if state.learner.criterion.labeler is not None:
        state.learner.criterion.labeler.end_epoch(state.learner.network)
    rate = plan.rate(state.step - 1)
    return EpochLog(epoch, seconds, state.step - first, dict(zip(names, losses, strict=True)), rate)


def _mean_losses(state: TrainState, plan: Plan) -> list[float]:
    """Train for one epoch; each task's mean loss over the steps in which it has a label (0 without any).

    Where steps must not wait for a device, they take every loss for finite, and the device counts those that are
    not. If there were any, the epoch is taken again from its start, now checked step by step.
    """
    learner = state.learner
    if not learner.defers or (learner.criterion.labeler is not None and state.feed.mixed):
        return _pass(state, plan)
    before = copy.deepcopy(state.state_dict())
    with deferred() as doubts:
        losses = _pass(state, plan)
    wrong = doubts.failed()
    if not wrong:
        return losses
    state.load_state_dict(before)
    learner.check_every_step(wrong)
    return _pass(state, plan)


def _pass(state: TrainState, plan: Plan) -> list[float]:
    sums: list[Tensor] = []
    for means in _steps(state, plan):
        step = [means, state.learner.seen]
        sums = step if not sums else [total + new for total, new in zip(sums, step, strict=True)]
        state.step += 1
    total, count = sums
    return (total / count.clamp(min=1)).tolist()


def _steps(state: TrainState, plan: Plan) -> Iterator[Tensor]:
    def set_rate() -> None:
        for group in state.learner.optimizer.param_groups:
            group["lr"] = plan.rate(state.step)

    learner, feed = state.learner, state.feed
    if not learner.learns:
        return plain_epoch(learner, feed, set_rate)
    if plan.rhythm == "alternating":
        return alternating_epoch(learner, feed, set_rate, meta=plan.meta)
    if plan.rhythm == "following":
        return following_epoch(learner, feed, set_rate, every=plan.every, step=state.step)
    return fused_epoch(learner, feed, set_rate, every=plan.every, meta=plan.meta, step=state.step)


def _remember_best(state: TrainState, plan: Plan) -> None:
    score = state.logs[-1].validation
    if plan.patience is None or score is None or (state.best is not None and score <= state.best["score"]):
        return
    weights = {k: v.detach().clone() for k, v in state.learner.network.state_dict().items()}
    state.best = {"score": score, "epoch": len(state.logs), "weights": weights}


def _out_of_patience(state: TrainState, plan: Plan) -> bool:
    return (
        plan.patience is not None
        and state.best is not None
        and len(state.logs) - state.best["epoch"] >= plan.patience
    )
