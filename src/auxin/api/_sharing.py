"""What the processes of data parallelism tell one another about a batch, before the training loss is taken of it."""

import torch
from torch import Tensor

from auxin.api._reading import ObjectiveBatch
from auxin.api._runner import Runner
from auxin.errors import UnsupportedError
from auxin.math.functional import still
from auxin.math.params import bare, trainable
from auxin.math.rng import under_rng
from auxin.math.sharding import reshard
from auxin.math.visits import visiting
from auxin.training.objective import Objective
from auxin.training.processes import anywhere, exchanged, gathered, parallel, summed, together, world_size
from auxin.training.task_losses import fitted
from auxin.typing import Batch


def share_rows(reading: ObjectiveBatch, main: str) -> None:
    """Let the labeler see the main task's rows of all processes, as with one process: it may look at whole batches.

    Raises:
        UnsupportedError: A process has no such rows, or its inputs are no tensor.
    """
    rows = reading.rows(main)
    missing = rows is None or not isinstance(rows.x, Tensor)
    if anywhere(missing):  # all processes raise: one alone would leave the others waiting for its rows
        raise UnsupportedError(
            "With several processes, a labeler labels the rows of all of them",
            expected="inputs in one tensor and main labels in every process's batch",
            found="no main labels"
            if rows is None
            else type(rows.x).__name__
            if missing
            else "another process without them",
        )
    assert rows is not None
    x, y = gathered(rows.x.contiguous()), gathered(rows.y[main].contiguous())
    start = sum(len(part) for part in x[: torch.distributed.get_rank()])
    whole = torch.cat(x)
    reading.whole = Batch(whole, {main: torch.cat(y)}, torch.full((len(whole),), -1, device=whole.device))
    reading.share = slice(start, start + len(rows.x))


def share_main(objective: Objective, meta: ObjectiveBatch, like: Tensor) -> bool:
    """Weigh this process's outer loss by its part of the main labels; whether any process has one."""
    own = objective.main_rows(meta)
    if not parallel():
        return own > 0
    total = summed(own, like)
    meta.fraction = world_size() * own / total if total else 0.0
    return total > 0


@torch.no_grad()
def share_losses(objective: Objective, runner: Runner, train: ObjectiveBatch, at_once: bool) -> None:
    """Exchange the losses of the training batch at the parameters as they are, for a meta step.

    Args:
        objective: The training loss.
        runner: The network.
        train: The batch last trained on.
        at_once: Whether the estimator takes the training loss at these parameters and to first order alone. Any other
            needs a combiner whose weight of a row does not depend on other processes' rows.

    Raises:
        UnsupportedError: It does, and the estimator needs more.
    """
    labeler = [] if objective.labeler is None else [objective.labeler]
    kept = visiting(torch.nn.Module(), losses=objective.tasks.values(), without=[bare(runner), *labeler])
    with kept as visit, together(), still([bare(runner), *labeler]), under_rng(None):
        visit.begin_loss()  # lends buffers
        entries = objective.entries(runner(train.calls), train, objective.context(train))
    reshard(runner)
    train.others = exchanged(*fitted(entries), next(iter(trainable(runner).values())))
    assert train.others is not None
    if not at_once and anywhere(objective.couples(objective.screened(entries, train), train.others)):
        raise UnsupportedError(
            f"With several processes, {type(objective.combiner).__name__} sets rows of different processes against "
            "each other, which this estimator would have to follow through every process's network",
            do='Use estimator="lookahead" or "finite_difference", or give every row all labels.',
        )
