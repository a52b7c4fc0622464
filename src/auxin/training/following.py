"""The following rhythm: the outer loss on the next batch, whose forward pass at W+ is the next training step's own.

A fused step with `meta="next"` makes that pass twice: once for v = grad L_A(W+; next batch), and once more when the
training step comes to that batch and W is W+. Here it is made once: 11 F a step for 12, at the price of its graph,
which is held beside the JVP and the auxiliary network's. The numbers are the fused rhythm's, to the rounding between
the optimiser's step and the look-ahead's: the dropout masks are the same (both passes would begin at the same random
state, unless a labeler draws numbers of its own), and batch norm's statistics move once for each batch. Nothing is
handed from epoch to epoch, so evaluation, checkpoints and a resumed run see what they would see after a fused epoch.

A network that keeps a hidden state or a counter outside its buffers, or reads a buffer that its passes move, makes each
pass anew: the pass at W+ leaves nothing there, and a training step does. The first step of every epoch shows it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from weakref import WeakSet

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.hypergradients import NextBatchForward
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.functional import still
from auxin.math.rng import restore_rng, save_rng, under_rng
from auxin.math.tree import tensors
from auxin.math.visits import begin_pass, watching
from auxin.training.feed import Feed
from auxin.training.schedules import with_next
from auxin.training.steps import Learner
from auxin.typing import Batch

_ALONE: WeakSet[nn.Module] = WeakSet()
"""Networks whose pass at W+ is no training pass, because it neither reads nor leaves what a training pass would."""
_LOOKED_AT: WeakSet[nn.Module] = WeakSet()


def following_epoch(
    learner: Learner, feed: Feed, set_rate: Callable[[], None], *, every: int, step: int
) -> Iterator[Tensor]:
    """A fused step with every N-th batch; the step after it begins from the forward pass that it made.

    Args:
        learner: Networks and their training losses.
        feed: Source of the batches.
        set_rate: Function that sets the learning rate of the next step.
        every: N, counted over the whole run.
        step: Number of the epoch's first step in the run.

    Raises:
        ConfigError: The method cannot hand a forward pass on.
    """
    check(learner)
    first, ahead = None, None
    for batch, after in with_next(feed.epoch()):
        set_rate()
        first = batch if first is None else first
        meta = after if step % every == every - 1 else None
        means, ahead = following_step(learner, batch, meta, ahead, keep=after is not first)
        yield means
        step += 1


def following_step(
    learner: Learner, batch: Batch, meta: Batch | None, ahead: NextBatchForward | None, *, keep: bool
) -> tuple[Tensor, NextBatchForward | None]:
    """An inner step, with a meta step where there is a meta batch, from the forward pass at hand if there is one.

    Args:
        learner: Networks and their training losses.
        batch: Training batch.
        meta: Next training batch, or None.
        ahead: Forward pass on `batch`, from the step before.
        keep: Whether to return the forward pass on `meta`.

    Returns:
        The per-task mean losses [T], detached, and the pass on `meta`.
    """
    network = learner.problem.network
    if ahead is None and network not in _ALONE and _reads_buffers(learner, batch):
        _stand_alone(learner, ["a buffer that its passes read"])
    if network in _ALONE or (meta is None and ahead is None):
        return learner.train_step(batch) if meta is None else learner.fused_step(batch, meta), None
    batch, kept = learner.precision.place(batch), None
    meta = None if meta is None else learner.precision.place(meta)
    with (
        watching([network], []) if ahead is None else nullcontext([]) as changed,
        learner.beginning(batch, keep_graph=meta is not None, ahead=ahead) as (gradient, losses),
    ):
        found = None if meta is None else learner.hypergradient(batch, meta, gradient, keep=keep)
    if changed:
        _stand_alone(learner, changed)
    if found is not None:
        learner.meta_update(found.gradients)
        kept = None if network in _ALONE else found.ahead
        if kept is not None:
            restore_rng(kept.after)
    return learner.inner_step(gradient.gradients, losses), kept


def _stand_alone(learner: Learner, changed: Sequence[str]) -> None:
    _ALONE.add(learner.problem.network)
    learner.note(
        "The following rhythm's steps make forward passes of their own, because the network keeps things "
        f"that a shared pass would not move: {', '.join(changed[:3])}."
    )


def _reads_buffers(learner: Learner, batch: Batch) -> bool:
    """Whether a second training pass puts out something else where all but the buffers is as in the first; asked once.

    Spectral normalisation is so: its power iteration goes on with every pass.
    """
    problem, network = learner.problem, learner.problem.network
    if network in _LOOKED_AT or not learner.buffered:
        return False
    _LOOKED_AT.add(network)
    rng, passes, batch = save_rng(), [], learner.precision.place(batch)
    with learner.leaving_nothing(), still([network]), torch.no_grad():
        for _ in range(2):
            begin_pass(network)
            with under_rng(rng), problem.autocast():
                passes.append(tensors(network(*problem.inputs(batch))))
    return not all(map(torch.equal, *passes))


def check(learner: Learner) -> None:
    """Refuse what cannot hand a forward pass on; note what is done without.

    Raises:
        ConfigError: another estimator than the look-ahead, or a combiner of gradients.
    """
    if not isinstance(learner.estimator, Lookahead) or learner.criterion.combiner.needs_gramian:
        parts = f"{type(learner.estimator).__name__}, {type(learner.criterion.combiner).__name__}"
        raise ConfigError(
            "The following rhythm shares the look-ahead's forward pass",
            expected="the look-ahead, and a combiner that looks at losses",
            found=parts,
            do="Use rhythm=fused",
        )
    if learner.compiled:
        learner.note(
            "The following rhythm's steps are not compiled but run eagerly: each hands its graph to the next."
        )
