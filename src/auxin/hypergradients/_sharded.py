"""The finite difference of a network whose parameters are spread over processes (`fully_shard`).

Ordinary forward and backward passes alone: the network's own hooks gather and scatter parameters and gradients, and
nothing else than the values of the shards is changed. They are moved to W+ and to W +- eps p in place and put back
bit for bit.

With the first batch of each structure the difference is compared with one of the training gradient over phi, which
follows the real step also where a gradient is stopped (`no_grad`, `detach`). Where they disagree, that difference is
taken for each element of phi.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.errors import UnsupportedError
from auxin.hypergradients._mixed import RADIUS, linear_slope, to_phi
from auxin.hypergradients._outer import OuterGradient, finish
from auxin.hypergradients._stopped import is_large, refuse_or_warn
from auxin.hypergradients._structure import Memory, key_of
from auxin.hypergradients._unroll import moved
from auxin.hypergradients.base import BilevelProblem, Hypergradient, TrainingGradient
from auxin.math.functional import Rng, save_rng, still, under_rng
from auxin.math.params import Vector, axpy, bare, dot, norm, normal_numbers, trainable, zeros
from auxin.math.params import scale as scaled
from auxin.math.sharding import anywhere, reshard, shard, total
from auxin.math.tree import detach
from auxin.optimizers import InnerStep, ShardedStep

_STOPPED = (
    "Two training gradients for each element of phi are used: the training step does not follow a difference of the "
    "loss, because the network or a loss stops, scales or replaces gradients (`detach`, `no_grad`, a hook)."
)

LIMIT = {torch.float64: 1e-5, torch.float32: 3e-2}
"""The relative error, beyond rounding, above which a difference is not taken for the training gradient's."""

_MEMORY: Memory[bool] = Memory()


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
    network = bare(problem.network)
    _refuse_others(network)
    local = ShardedStep(step)
    reshard(network)
    parameters = list(trainable(network).values())
    start = save_rng()
    with under_rng(None), still([network]), _put_back(network, parameters, list(problem.phi)) as own:
        gradient = _training_gradient(problem, train, parameters)
        _move(network, parameters, local.lookahead(gradient.gradients))
        loss, v = _gradient(problem, parameters, meta, lambda signals: problem.outer_loss(signals, meta))
        _move(network, parameters, own)
        p = scaled(-1.0, local.pullback(gradient.gradients, v))
        size = total([x.square().sum() for x in p], parameters).sqrt()
        eps = (RADIUS.get(p[0].dtype, 1e-2) if radius is None else radius) / size.clamp(min=1e-30)
        ends = []
        for sign in (1.0, -1.0):
            _move(network, parameters, axpy(sign * eps, p, own))
            ends.append(_phi_gradient(problem, train, gradient))
        times, notes = problem.processes / (2 * eps), []
        product = [times * (up - down) for up, down in zip(*ends, strict=True)]
        _move(network, parameters, own)
        mixed = _Mixed(problem, train, parameters, p, start)
        if not _follows(mixed, product):
            product, notes = mixed.by_elements(), [_STOPPED]
    slope = linear_slope(problem, product)
    outer = OuterGradient(loss, v, zeros(list(problem.phi)), reaches_phi=False)
    return finish(problem, gradient, outer, slope, unit=step.unit, scale=scale, notes=notes)


def _refuse_others(network: torch.nn.Module) -> None:
    """Refuse tensor parallelism, whose processes see the same rows, and passes in sixteen bits.

    Raises:
        UnsupportedError: It is so.
    """
    sharded = [m for m in network.modules() if hasattr(m, "reshard") and hasattr(m, "unshard")]
    if not sharded:
        raise UnsupportedError(
            "The network's parameters are spread over processes otherwise than by `fully_shard`",
            expected="processes that each have rows of their own",
            found="parameters in parts, as tensor parallelism has them",
            do="Shard the network by `fully_shard`, or use data parallelism.",
        )
    for module in sharded:
        policy: Any = getattr(module._get_fsdp_state(), "_mp_policy", None)  # pyright: ignore
        for dtype in (getattr(policy, "param_dtype", None), getattr(policy, "reduce_dtype", None)):
            if dtype in (torch.bfloat16, torch.float16):
                raise UnsupportedError(
                    "A finite difference drowns in rounding",
                    expected="passes and gradients in float32 or float64",
                    found=f"a mixed-precision policy with {dtype}",
                    do="Leave out `mp_policy`. Data parallelism without shards has the look-ahead, which is exact.",
                )


def _follows(mixed: "_Mixed", product: Vector) -> bool:
    """Whether a difference of the loss is the training gradient's; examined together, once for each structure.

    Raises:
        UnsupportedError: It is not, and phi has too many elements for a pair of gradients each.
    """
    problem, network, dtype = mixed.problem, bare(mixed.problem.network), mixed.p[0].dtype
    key = key_of(problem, mixed.train)
    seen = _MEMORY.get(network, key)
    if not anywhere(seen is None, mixed.p[0]):
        return bool(seen)
    off = mixed.off(product)
    if off is None:  # a step of size zero, or rounding
        return True
    right = off <= LIMIT.get(dtype, float("inf"))
    if not right and is_large(problem):
        refuse_or_warn(dtype, off, "finite_difference")
        right = True
    elif not right:
        warnings.warn(_STOPPED, RuntimeWarning, stacklevel=4)
    _MEMORY.put(network, key, right)
    return right


@dataclass(frozen=True)
class _Mixed:
    """<p, d grad_W L_T / dphi> by differences of the training gradient over phi, at W.

    Attributes:
        problem: The two losses.
        train: This process's training batch.
        parameters: The network's parameters, at W.
        p: This process's shards of the vector.
        rng: Random state of the training gradient.
    """

    problem: BilevelProblem
    train: Any
    parameters: Sequence[Tensor]
    p: Vector
    rng: Rng

    def off(self, product: Vector) -> float | None:
        """How far a product over phi is from the difference along a random direction; None where rounding rules."""
        along = normal_numbers(list(self.problem.phi), torch.Generator().manual_seed(1))
        expected, noise = self.along(along)
        parts = torch.stack([dot(product, along), norm([a * b for a, b in zip(product, along, strict=True)])])
        torch.distributed.all_reduce(parts)
        found, size = (parts / torch.distributed.get_world_size()).tolist()
        scale = max(abs(expected), size)
        return None if noise >= 0.1 * scale else max(0.0, abs(found - expected) - noise) / scale

    def by_elements(self) -> Vector:
        """The product, by two training gradients for each element of phi; the same in every process."""
        slopes = zeros(list(self.problem.phi))
        for place, whole in enumerate(slopes):
            for at in range(whole.numel()):
                one = zeros(slopes)
                one[place].view(-1)[at] = 1.0
                whole.view(-1)[at] = self.along(one)[0]
        return slopes

    def along(self, direction: Vector) -> tuple[float, float]:
        """The derivative along a direction over phi, and how far rounding may move it."""
        step, ends = {torch.float64: 1e-5, torch.float32: 1e-2}.get(self.p[0].dtype, 1e-1), []
        for sign in (1.0, -1.0):
            with moved(list(self.problem.phi), scaled(sign * step, direction)), under_rng(self.rng):
                gradient = _training_gradient(self.problem, self.train, self.parameters)
            terms = [(g * t).sum() for g, t in zip(gradient.gradients, self.p, strict=True)]
            ends.append(float(total(terms, self.parameters)))
        rounding = 10 * torch.finfo(self.p[0].dtype).eps * max(map(abs, ends)) / step
        return (ends[0] - ends[1]) / (2 * step), rounding


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
    with still(problem.auxiliary) as buffers, torch.enable_grad():
        context = None if problem.context is None else problem.context(train)
    rng = save_rng()
    fixed = detach(context)
    with still(problem.auxiliary):
        loss, grads = _gradient(problem, parameters, train, lambda s: problem.training_loss(s, train, fixed))
    return TrainingGradient(loss, grads, torch.zeros(()), context, rng, True, buffers)


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
