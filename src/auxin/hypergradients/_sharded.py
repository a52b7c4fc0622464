"""The finite difference of a network whose parameters are spread over processes (`fully_shard`).

Ordinary forward and backward passes alone: the network's own hooks gather and scatter parameters and gradients, and
nothing else than the values of the shards is changed. They are moved to W+ and to W +- eps p in place and put back
bit for bit.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from auxin.hypergradients._base import BilevelProblem, Hypergradient, TrainingGradient
from auxin.hypergradients._mixed import RADIUS, linear_slope, to_phi
from auxin.hypergradients._outer import OuterGradient, finish
from auxin.math.functional import save_rng, still, under_rng
from auxin.math.params import Vector, axpy, bare, trainable, zeros
from auxin.math.params import scale as scaled
from auxin.math.sharding import reshard, shard, total
from auxin.math.tree import detach
from auxin.optimizers import InnerStep, ShardedStep


def sharded_difference(
    problem: BilevelProblem, train: Any, meta: Any, step: InnerStep, radius: float | None, scale: str
) -> Hypergradient:
    """The look-ahead by a central difference, as `FiniteDifference` has it, on shards.

    Args:
        problem: The two losses; its network is sharded.
        train: This process's training batch.
        meta: This process's meta batch.
        step: What the user's optimiser would do next.
        radius: |eps p|, None by precision.
        scale: "raw" or "unit".
    """
    local, network = ShardedStep(step), bare(problem.network)
    reshard(network)
    parameters = list(trainable(network).values())
    with under_rng(None), still([network]), _put_back(network, parameters, list(problem.phi)) as own:
        gradient = _training_gradient(problem, train, parameters)
        _move(network, parameters, local.lookahead(gradient.gradients))
        loss, v = _gradient(problem, parameters, meta, lambda signals: problem.outer(signals, meta))
        _move(network, parameters, own)
        p = scaled(-1.0, local.pullback(gradient.gradients, v))
        size = total([x.square().sum() for x in p], parameters).sqrt()
        eps = (RADIUS.get(p[0].dtype, 1e-2) if radius is None else radius) / size.clamp(min=1e-30)
        ends = []
        for sign in (1.0, -1.0):
            _move(network, parameters, axpy(sign * eps, p, own))
            ends.append(_phi_gradient(problem, train, gradient))
    times = problem.processes / (2 * eps)
    slope = linear_slope(problem, [times * (up - down) for up, down in zip(*ends, strict=True)])
    outer = OuterGradient(loss, v, zeros(list(problem.phi)), reaches_phi=False)
    return finish(problem, gradient, outer, slope, unit=step.unit, scale=scale, notes=[])


@contextmanager
def _put_back(
    network: torch.nn.Module, parameters: Sequence[Tensor], phi: Sequence[Tensor]
) -> Iterator[Vector]:
    """Copies of the shards inside; afterwards values and gradients are as they were."""
    own = [shard(p).clone() for p in parameters]
    grads = [p.grad for p in (*parameters, *phi)]
    try:
        yield own
    finally:
        _move(network, parameters, own)
        for p, grad in zip((*parameters, *phi), grads, strict=True):
            p.grad = grad


@torch.no_grad()
def _move(network: torch.nn.Module, parameters: Sequence[Tensor], to: Sequence[Tensor]) -> None:
    for p, value in zip(parameters, to, strict=True):
        shard(p).copy_(value)
    reshard(network)


def _training_gradient(problem: BilevelProblem, train: Any, parameters: Sequence[Tensor]) -> TrainingGradient:
    """The gradient of the training loss at W, on shards: the processes' mean, as the network's hooks take it."""
    with still(problem.auxiliary) as moved, torch.enable_grad():
        context = None if problem.context is None else problem.context(train)
    rng = save_rng()
    fixed = detach(context)
    with still(problem.auxiliary):
        loss, grads = _gradient(problem, parameters, train, lambda s: problem.training_loss(s, train, fixed))
    return TrainingGradient(loss, grads, torch.zeros(()), context, rng, True, moved)


def _gradient(
    problem: BilevelProblem, parameters: Sequence[Tensor], batch: Any, loss_of: Callable[[Any], Tensor]
) -> tuple[Tensor, Vector]:
    """A loss and its gradient on shards, by an ordinary forward and backward pass."""
    for p in (*parameters, *problem.phi):
        p.grad = None
    with torch.enable_grad():
        loss = loss_of(problem.network(*problem.inputs(batch)))
        loss.backward()
    grads = [torch.zeros_like(shard(p)) if p.grad is None else shard(p.grad) for p in parameters]
    return loss.detach(), grads


def _phi_gradient(problem: BilevelProblem, train: Any, gradient: TrainingGradient) -> Vector:
    """dL_T/dphi at the shards as they are; the network needs no gradient."""
    with under_rng(gradient.rng), still(problem.auxiliary):
        with torch.no_grad():
            signals = problem.network(*problem.inputs(train))
        with torch.enable_grad():
            return to_phi(problem, problem.training_loss(signals, train, gradient.context), keep=True)
