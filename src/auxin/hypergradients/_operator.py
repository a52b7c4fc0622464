"""The network's backward pass as an operator, and how far a derivative of it is from a difference of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from auxin.hypergradients._mixed import Slope, at_parameters, loss_at, reverse_slope, to_phi
from auxin.hypergradients._outer import gradients_of, refuse_reentrant
from auxin.hypergradients._unroll import moved
from auxin.hypergradients.base import BilevelProblem, TrainingGradient
from auxin.math.functional import jvp, placed, plain_attention, save_rng, still, under_rng
from auxin.math.padding import without_padding
from auxin.math.params import Vector, axpy, dot, leaves, norm, normal_numbers, present, trainable
from auxin.math.params import scale as scaled
from auxin.math.tree import detach, tensors

STEP = 0.1
"""How far the cotangents are moved, relatively; the backward pass is linear in them, so it need not be small."""

SMALL = {torch.float64: 1e-6, torch.float32: 1e-2}
"""The same where hooks make the backward pass nonlinear."""


class Operator:
    """B, the backward pass of a network at W on a batch, from cotangents of the signals to gradients over W.

    Args:
        problem: The network and the training loss.
        train: The batch.
        gradient: For the context and the random state.
        step: How far the cotangents are moved, relatively.

    Attributes:
        q: A random direction over the parameters.
        phi_enters: Whether the signals depend on phi with W held constant.
        criterion_reads_parameters: Whether the training loss depends on W beside the signals.
        nothing: Whether there is nothing to compare, because the loss does not reach the parameters.

    Raises:
        UnsupportedError: The network is checkpointed reentrantly.
    """

    def __init__(
        self, problem: BilevelProblem, train: Any, gradient: TrainingGradient, step: float = STEP
    ) -> None:
        self.problem, self.train, self.gradient, self.rng = problem, train, gradient, gradient.rng
        self.own = list(trainable(problem.network).values())
        self.random = torch.Generator().manual_seed(0)
        self.q = _sized(self.own, self.random)
        with self._network() as (params, signals):
            ends = tensors(signals)
            self.phi_enters = _reaches(ends, list(problem.phi))
            self.criterion_reads_parameters, self.nothing = True, False
            try:
                values, loss = loss_at(problem, signals, train, detach(gradient.context))
            except RuntimeError as error:  # it differentiates the signals by the network's input
                if "not have been used in the graph" not in str(error):
                    raise
                return
            refuse_reentrant(torch.stack([e.sum() for e in ends]).sum() if ends else loss)
            self.criterion_reads_parameters = _reaches([loss], [*params, *self.own])
            found = (
                torch.autograd.grad(loss, values, allow_unused=True)
                if loss.requires_grad
                else [None] * len(ends)
            )
            base = [torch.zeros_like(e) if c is None else c for c, e in zip(found, ends, strict=True)]
            self.base = [c.detach() for c in base]
            sizes = [
                0.0 if c is None else _size(c) or 1.0 for c in found
            ]  # a loss of weight 0 today weighs tomorrow
            self.w = [size * x for x, size in zip(normal_numbers(ends, self.random), sizes, strict=True)]
            self.live = [k for k, e in enumerate(ends) if e.requires_grad]
            up = self._backward(ends, params, step)
            down = self._backward(ends, params, -step, last=True)
        terms = ((u - d).mul_(q).div_(2 * step) for q, u, d in zip(self.q, up, down, strict=True))
        sums, sizes = zip(*((t.sum(), torch.linalg.vector_norm(t)) for t in terms), strict=True)
        self.truth = float(torch.stack(sums).sum())
        self.scale = max(abs(self.truth), float(torch.linalg.vector_norm(torch.stack(sizes))))
        self.nothing = self.scale == 0.0

    def error(self, way: str) -> float:
        """The relative difference between <w, J q> by one way and the truth."""
        found = {"forward": self._forward, "reverse": self._reverse, "element": self._once}[way]()
        return abs(found - self.truth) / self.scale

    def _forward(self) -> float:
        with still(self.problem.auxiliary):
            _, slopes = jvp(self.problem.network, self.own, self.q, self.problem.inputs(self.train), self.rng)
        return float(dot(self.w, tensors(slopes)))

    def _reverse(self) -> float:
        with self._network() as (params, signals):
            ends = tensors(signals)
            given = leaves([self.base[k] for k in self.live])
            found = torch.autograd.grad(
                [ends[k] for k in self.live], params, given, create_graph=True, allow_unused=True
            )
            moving, along = present([g if g is not None and g.requires_grad else None for g in found], self.q)
            if not moving:
                return 0.0
            pairing = dot(moving, along)
            slopes = torch.autograd.grad(pairing, given, materialize_grads=True, allow_unused=True)
        return float(dot([self.w[k] for k in self.live], slopes))

    def _once(self) -> float:
        """One backward pass from w, where the truth has two around the real cotangents."""
        with self._network() as (params, signals):
            ends = tensors(signals)
            heads = [ends[k] for k in self.live]
            found = torch.autograd.grad(heads, params, [self.w[k] for k in self.live], allow_unused=True)
        return float(dot(*present(found, self.q)))

    def _backward(self, ends: Sequence[Tensor], params: Vector, step: float, last: bool = False) -> Vector:
        seeds = [self.base[k] + step * self.w[k] for k in self.live]
        heads = [ends[k] for k in self.live]
        if not heads:
            return [torch.zeros_like(p) for p in params]
        pairing = dot(heads, seeds)  # gradients given to torch by themselves cost it an import of sympy
        return list(
            torch.autograd.grad(
                pairing, params, retain_graph=not last, allow_unused=True, materialize_grads=True
            )
        )

    @contextmanager
    def _network(self) -> Iterator[tuple[Vector, Any]]:
        params = leaves(self.own)
        with at_parameters(self.problem, params, self.rng) as module:
            yield params, module(*self.problem.inputs(self.train))


def differenced_over_phi(
    problem: BilevelProblem,
    train: Any,
    gradient: TrainingGradient,
    q: Vector,
    way: Callable[..., Slope] = reverse_slope,
) -> float | None:
    """How far <q, d grad_W L_T / dphi> by one way is from its central difference, along a random direction.

    None where the difference drowns in rounding.
    """
    phi, own = list(problem.phi), list(trainable(problem.network).values())
    draws = _sized(phi, torch.Generator().manual_seed(1))
    step = {torch.float64: 1e-5, torch.float32: 1e-2}.get(q[0].dtype, 1e-1)
    start = save_rng()
    values = []
    for sign in (1.0, -1.0):
        with (
            moved(phi, scaled(sign * step, draws)),
            under_rng(start),
            still(problem.auxiliary),
            plain_attention(),
        ):
            with torch.no_grad():
                context = None if problem.context is None else problem.context(train)
            params = leaves(own)
            with under_rng(gradient.rng), torch.enable_grad(), placed(problem.network, params) as module:
                loss = problem.training_loss(module(*problem.inputs(train)), train, context)
                found = gradients_of(loss, params, own)
            values.append(float(sum((g * t).sum() for g, t in zip(found, q, strict=True) if g is not None)))
            del loss, found  # before the next pass, whose peak they would stand beside
    with under_rng(start), still(problem.auxiliary), torch.enable_grad():
        context = None if problem.context is None else problem.context(train)
    product = to_phi(problem, way(problem, train, replace(gradient, context=context), q).value)
    expected = (values[0] - values[1]) / (2 * step)
    scale = max(abs(expected), float(norm([a * b for a, b in zip(product, draws, strict=True)])), 1e-30)
    noise = 10 * torch.finfo(q[0].dtype).eps * max(map(abs, values)) / step
    return None if noise > 0.1 * scale else abs(float(dot(product, draws)) - expected) / scale


def outer_off(problem: BilevelProblem, at: Sequence[Tensor], v: Sequence[Tensor], meta: Any) -> float:
    """How far <v, q> is from the outer loss's central difference along a random q, at W+ under the present state.

    The direction leaves padding rows of embeddings where they are: no step moves them.

    A network with many kinks (ReLU, max pooling) has some within the step, so in float64, where rounding allows a
    hundredth of the step, the nearer of the two differences counts.

    A loss that jumps (the positions that max pooling remembers) has no difference that could be compared: where the
    difference at a quarter or at four times the step departs from the first one by half of what the gradient does,
    the result is 0.
    """
    q = without_padding(problem.network, _sized(at, torch.Generator().manual_seed(2)))
    step = 1e-6 if at[0].dtype == torch.float64 else 1e-3
    difference, rounding = _outer_difference(problem, at, q, meta, step)
    terms = [a * b for a, b in zip(v, q, strict=True)]
    scale = max(abs(difference), float(norm(terms)), rounding)
    if not scale:
        return 0.0
    slope = float(torch.stack([t.sum() for t in terms]).sum())
    off = abs(difference - slope)
    if at[0].dtype == torch.float64 and off > 1e-4 * scale:
        nearer, noise = _outer_difference(problem, at, q, meta, step / 100)
        if noise < 1e-4 * scale:
            off = min(off, abs(nearer - slope))
    if off > 0.1 * scale:
        for other in (step / 4, 4 * step):
            again, noise = _outer_difference(problem, at, q, meta, other)
            if abs(again - difference) > max(0.5 * off, noise):
                return 0.0
    return off / scale


def _outer_difference(
    problem: BilevelProblem, at: Sequence[Tensor], q: Vector, meta: Any, step: float
) -> tuple[float, float]:
    """The outer loss's central difference along q, and how far rounding may move it."""
    ends = []
    for sign in (1.0, -1.0):
        # A network may take a gradient of its own in its forward pass.
        params = leaves(axpy(sign * step, q, at))
        with under_rng(None), torch.enable_grad(), placed(problem.network, params) as module:
            ends.append(problem.outer_loss(module(*problem.inputs(meta)), meta).detach())
    # targets in float32 make a loss in float32 of a network in float64
    coarse = torch.finfo(ends[0].dtype).eps
    return float(ends[0] - ends[1]) / (2 * step), 50 * coarse * abs(float(ends[0])) / step


def _reaches(ends: Sequence[Tensor], at: Sequence[Tensor]) -> bool:
    """Whether there is a path from any of these in a graph."""
    heads = [e.sum() for e in ends if e.requires_grad]
    if not heads or not at:
        return False
    found = torch.autograd.grad(heads, list(at), retain_graph=True, allow_unused=True)
    return any(g is not None for g in found)


def _sized(like: Sequence[Tensor], random: torch.Generator) -> Vector:
    """A random direction, each tensor of the size of its like; 1 where that is zero."""
    return [x * (_size(y) or 1.0) for x, y in zip(normal_numbers(like, random), like, strict=True)]


def _size(x: Tensor) -> float:
    """The root of the mean square."""
    return float(torch.linalg.vector_norm(x.detach()) / max(1, x.numel()) ** 0.5)
