"""How good a network is at the main task: predictions and scores over many rows, in evaluation mode."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from auxin.data import DevicePool
from auxin.math.sparse import at_once
from auxin.tasks.base import Task


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the former mode afterwards."""
    was = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(was)


def outputs(
    network: nn.Module, pool: DevicePool, rows: Tensor, task: Task, size: int = 1000
) -> tuple[Tensor, Tensor]:
    """The main head's outputs and the labels for these rows, not augmented, in the rows' order."""
    found, wanted = [], []
    with evaluating(network):
        for part in rows.split(at_once(math.prod(pool.shape), size)):
            batch = pool.batch(part)
            found.append(network(batch.x)[task.name])
            wanted.append(batch.y[task.name])
    return torch.cat(found), torch.cat(wanted)


def score(network: nn.Module, pool: DevicePool, rows: Tensor, task: Task, metric: str | None = None) -> float:
    """The metric over these rows; greater is better."""
    return task.score(*outputs(network, pool, rows, task), metric)
