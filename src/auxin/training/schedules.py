"""How one step follows another: the plain, the fused and the paper's alternating epoch; learning rates."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from auxin.errors import ConfigError
from auxin.training.feed import Feed
from auxin.training.steps import Learner
from auxin.typing import Batch

RHYTHMS = ("fused", "alternating", "following")
META_BATCHES = ("same", "next", "auxiliary")


@dataclass(frozen=True)
class LearningRate:
    """The learning rate of each training step.

    Attributes:
        base: Initial learning rate.
        kind: "constant"; "cosine" (to zero at the end); "halve" (halved every `every` epochs: MAXL's recipe).
        steps: Number of training steps per epoch.
        epochs: Total number of epochs.
        every: Number of epochs between two halvings.
    """

    base: float
    kind: str
    steps: int
    epochs: int
    every: int = 50

    def __post_init__(self) -> None:
        if self.kind not in ("constant", "cosine", "halve"):
            raise ConfigError(
                "Unknown learning-rate schedule", expected="constant, cosine or halve", found=repr(self.kind)
            )

    def __call__(self, step: int) -> float:
        """The rate of the training step with this number, counted from 0."""
        if self.kind == "cosine":
            return self.base * 0.5 * (1 + math.cos(math.pi * step / (self.steps * self.epochs)))
        if self.kind == "halve":
            return self.base * 0.5 ** (step // self.steps // self.every)
        return self.base


def plain_epoch(learner: Learner, feed: Feed, set_rate: Callable[[], None]) -> Iterator[Tensor]:
    """Inner steps only."""
    for batch in feed.epoch():
        set_rate()
        yield learner.train_step(batch)


def fused_epoch(
    learner: Learner, feed: Feed, set_rate: Callable[[], None], *, every: int, meta: str, step: int
) -> Iterator[Tensor]:
    """An inner step per batch, and with every N-th of them a meta step that shares its gradient.

    Args:
        learner: Networks and their training losses.
        feed: Source of the batches.
        set_rate: Function that sets the learning rate of the next step.
        every: N, counted over the whole run.
        meta: Where the outer loss is taken: the "same" batch, the "next" one, or the held-out "auxiliary" set.
        step: Number of the epoch's first step in the run.
    """
    for batch, following in with_next(feed.epoch()):
        set_rate()
        if step % every == every - 1:
            yield learner.fused_step(batch, _meta_batch(meta, feed, batch, following))
        else:
            yield learner.train_step(batch)
        step += 1


def alternating_epoch(
    learner: Learner, feed: Feed, set_rate: Callable[[], None], *, meta: str
) -> Iterator[Tensor]:
    """The paper's epoch: all of the data for W, then all of it again for phi (Liu et al. 2019, algorithm 1)."""
    yield from plain_epoch(learner, feed, set_rate)
    for batch, following in with_next(feed.epoch("meta order")):
        learner.meta_step(batch, _meta_batch(meta, feed, batch, following))


def _meta_batch(meta: str, feed: Feed, batch: Batch, following: Batch) -> Batch:
    if meta == "auxiliary":
        return feed.meta()
    return following if meta == "next" else batch


def with_next(batches: Iterator[Batch]) -> Iterator[tuple[Batch, Batch]]:
    """Each batch with the one after it; the last is followed by the first."""
    first = current = next(batches)
    for following in batches:
        yield current, following
        current = following
    yield current, first
