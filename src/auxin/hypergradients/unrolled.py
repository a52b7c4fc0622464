"""T-step unroll by an adjoint recursion over stored iterates: exact, one step's graph in memory at a time.

With (W, s)_(t+1) = U((W, s)_t, g_t), g_t = grad_W L_T(W_t, phi; B_t) and lambda_T = grad L_A(W_T),
backwards in t:

    a = (dU/d(W, g, s))^T lambda_(t+1);   lambda_t = (a_W + H_t a_g, a_s);   dL_A/dphi += d/dphi <a_g, g_t>
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients._outer import combined, outer_gradient
from auxin.hypergradients._self_check import confirm
from auxin.hypergradients._stopped import follows, is_large, refuse_or_warn
from auxin.hypergradients._unroll import (
    Iterate,
    advance,
    batches_of,
    begin,
    direct,
    moved,
    needed,
    passed_over,
    window,
)
from auxin.hypergradients.base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.functional import placed, plain_attention, restore_rng, save_rng, still, under_rng
from auxin.math.params import Vector, axpy, dot, filled, leaves, trainable, zeros
from auxin.math.params import scale as scaled
from auxin.optimizers import InnerStep

_STOPPED = (
    "Two unrolls for each element of phi are used: double backward does not follow the training gradient (a target "
    "made by `detach` or `no_grad` moves from step to step; a hook or a function computes its gradient from constants)."
)


@dataclass
class _Adjoint:
    """lambda = dL_A/d(W, s) at some t, and what has been gathered over phi so far."""

    params: Vector
    states: list[dict[str, Tensor]]
    phi: Vector
    direct: Vector
    moved: Sequence[tuple[Tensor, Tensor]] = field(default_factory=list)


class Unrolled(Estimator):
    """The exact derivative of the outer loss after T steps of the user's optimiser, its state included.

    Maclaurin, Duvenaud, Adams 2015; Shaban et al. 2019 (truncated). The network's parameters and the
    optimiser's state are where the unroll begins; neither moves. Per step: the gradient once forwards (3 F),
    and once backwards with its double backward (9 F); memory: the graph of one step and the stored iterates.
    The regulariser is averaged over the steps' batches; batch norm's running statistics stay as they are.

    A target made under `torch.no_grad` or by `detach` is another constant at every step, which the recursion's double
    backward does not follow. The first batch of each structure shows it, and then each element of phi takes two real
    unrolls and a central difference, with a warning, up to 64 elements. Above that, and under data parallelism,
    float64 refuses, and float32, where rounding alone can give such an error, warns. One step needs it only where
    double backward lacks a part of how the gradient depends on phi (a hook that solves for the gradient, as in deep
    equilibrium models).

    Args:
        steps: T, where `train` is one batch (a list of batches says T itself, one batch for each step).
        segment: store every `segment`-th iterate and compute the others again (one more gradient per step);
            1 stores all, 0 takes the square root of T.

    >>> from torch import nn
    >>> net, w = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(net, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    >>> step = InnerStep(torch.optim.SGD(net.parameters(), lr=0.1), net.parameters())
    >>> batch = (torch.ones(1, 1),)
    >>> Unrolled(steps=3).estimate(problem, batch, batch, step).gradients   # d/dw [W - 3 * 0.1 w]
    (tensor(-0.3000),)
    """

    exact = True
    needs_step = True
    several_batches = True

    def __init__(self, steps: int = 5, segment: int = 1) -> None:
        if steps < 1 or segment < 0:
            raise ConfigError("An unroll needs a positive number of steps", found=f"{steps}, {segment}")
        self.steps = steps
        self.segment = segment

    def estimate(
        self,
        problem: BilevelProblem,
        train: Any,
        meta: Any,
        step: InnerStep | None = None,
        gradient: TrainingGradient | None = None,
        scale: str = "raw",
    ) -> Hypergradient:
        """The hypergradient of T steps from here (arguments as in `Estimator.estimate`).

        Of a training gradient at hand only the random numbers are used: the first step draws the same.
        `scale="unit"` divides by the learning rate.

        Raises:
            UnsupportedError: In float64, a network or a loss that stops gradients, with a phi of more than 64 elements
                or under data parallelism.
        """
        step = needed(step, "An unroll")
        batches = batches_of(train, self.steps)
        looks = self._follows if len(batches) > 1 else _follows_phi
        if problem.average is None and not looks(problem, batches[0]):
            return _by_differences(problem, begin(problem, step, gradient), step, batches, meta, scale)
        every = self.segment or max(1, math.isqrt(len(batches)))
        with under_rng(None):
            stored, last = _forwards(problem, step, begin(problem, step, gradient), batches, every)
            restore_rng(last.rng)
            outer = outer_gradient(problem, last.params, meta)
            nothing = zeros(list(problem.phi))
            adjoint = _Adjoint(outer.v, [{} for _ in outer.v], nothing, nothing)
            for start in reversed(range(0, len(batches), every)):
                part = batches[start : start + every]
                for at, batch in reversed(
                    list(zip(_again(problem, step, stored[start], part), part, strict=True))
                ):
                    adjoint = _backwards(problem, step, at, batch, adjoint)
        if len(batches) > 1 and problem.average is not None:  # after everything that processes do together
            self._follows(problem, batches[0])
        penalty = axpy(1.0 / len(batches), adjoint.direct, outer.phi)
        return combined(adjoint.phi, penalty, outer.loss, unit=step.unit, scale=scale, moved=adjoint.moved)

    def _follows(self, problem: BilevelProblem, batch: Any) -> bool:
        """Whether the recursion follows the real steps; False where differences have to.

        Raises:
            UnsupportedError: It does not, and differences are not possible.
        """
        right, off = follows(problem, batch)
        if right:
            return True
        if is_large(problem) or problem.average is not None:
            refuse_or_warn(next(iter(problem.phi)).dtype, off, "unrolled")
            return True
        if off:
            warnings.warn(_STOPPED, RuntimeWarning, stacklevel=3)
        return False


def _follows_phi(problem: BilevelProblem, batch: Any) -> bool:
    """Whether double backward is the derivative of one step's gradient over phi; False where differences have to.

    Raises:
        UnsupportedError: It is not, and phi is too large for differences.
    """
    with still(problem.auxiliary), torch.enable_grad():
        rng = save_rng()
        context = None if problem.context is None else problem.context(batch)
        restore_rng(rng)
    nothing = torch.zeros(())
    try:
        confirm(problem, batch, TrainingGradient(nothing, [], nothing, context, rng), "reverse")
    except UnsupportedError:
        if is_large(problem):
            raise
        warnings.warn(_STOPPED, RuntimeWarning, stacklevel=3)
        return False
    return True


def _by_differences(
    problem: BilevelProblem, first: Iterate, step: InnerStep, batches: list[Any], meta: Any, scale: str
) -> Hypergradient:
    """Central differences of the outer loss after the unroll, element by element of phi; R by autograd."""
    phi = list(problem.phi)
    slopes, losses = zeros(phi), []
    size = {torch.float64: 1e-5, torch.float32: 1e-2}[phi[0].dtype]
    with under_rng(None):
        for place, whole in enumerate(slopes):
            for at in range(whole.numel()):
                by = zeros(phi)
                by[place].view(-1)[at] = size
                ends = []
                for sign in (1.0, -1.0):
                    with moved(phi, scaled(sign, by)):
                        ends.append(window(problem, step, first, batches, meta)[1])
                whole.view(-1)[at] = (ends[0] - ends[1]) / (2 * size)
                losses += ends
        penalty, changes = direct(problem, batches, first.rng)
    outer = torch.stack(losses).mean()
    return combined(slopes, penalty, outer, unit=step.unit, scale=scale, moved=changes, notes=[_STOPPED])


def _forwards(
    problem: BilevelProblem, step: InnerStep, at: Iterate, batches: list[Any], every: int
) -> tuple[dict[int, Iterate], Iterate]:
    stored = {}
    for t, batch in enumerate(batches):
        if t % every == 0:
            stored[t] = at
        at = advance(problem, step, at, batch)
    return stored, at


def _again(problem: BilevelProblem, step: InnerStep, first: Iterate, batches: list[Any]) -> list[Iterate]:
    """The iterates of one segment before each of its steps."""
    iterates = [first]
    for batch in batches[:-1]:
        iterates.append(advance(problem, step, iterates[-1], batch))
    return iterates


def _backwards(
    problem: BilevelProblem, step: InnerStep, at: Iterate, batch: Any, after: _Adjoint
) -> _Adjoint:
    """One step of the recursion."""
    restore_rng(at.rng)
    params, phi = leaves(at.params), list(problem.phi)
    with (
        still(problem.auxiliary) as moved, plain_attention(), torch.enable_grad(),
        placed(problem.network, params) as module,
    ):  # fmt: skip
        context = None if problem.context is None else problem.context(batch)
        signals = module(*problem.inputs(batch))
        loss = problem.training_loss(signals, batch, context)
        own = list(trainable(problem.network).values())
        found = torch.autograd.grad(loss, params, create_graph=True, allow_unused=True)
        grads = filled(found, params)
        given = passed_over(problem.averaged(grads), found, own)
        by_params, by_gradient, by_states = _through_update(step, at, given, after)
        pairing = dot(grads, by_gradient)
        penalty = problem.direct(context)
        curved = _grad(pairing, [*params, *phi], keep=penalty is not None)
    return _Adjoint(
        params=axpy(1.0, by_params, problem.averaged(curved[: len(params)])),
        states=by_states,
        phi=axpy(1.0, after.phi, curved[len(params) :]),
        direct=axpy(1.0, after.direct, _grad(penalty, phi)),
        moved=moved,
    )


def _through_update(
    step: InnerStep, at: Iterate, grads: Sequence[Tensor | None], after: _Adjoint
) -> tuple[Vector, Vector, list[dict[str, Tensor]]]:
    """(dU/d(W, g, s))^T lambda, its three parts: elementwise, no network."""
    params = leaves(at.params)
    values = leaves([torch.zeros_like(p) if g is None else g for g, p in zip(grads, params, strict=True)])
    flat = [(i, k, v) for i, s in enumerate(at.states) for k, v in s.items() if _differentiable(k, v)]
    held = leaves([v for _, _, v in flat])
    states = [dict(s) for s in at.states]
    for (i, key, _), leaf in zip(flat, held, strict=True):
        states[i][key] = leaf
    given = [None if g is None else value for g, value in zip(grads, values, strict=True)]
    moved, new = step.advance(params, given, states)
    ends = [*zip(moved, after.params, strict=True)]
    ends += [(new[i][key], cotangent) for i, own in enumerate(after.states) for key, cotangent in own.items()]
    ends = [(end, cotangent) for end, cotangent in ends if end.requires_grad]
    found = torch.autograd.grad(
        [end for end, _ in ends], [*params, *values, *held], [c for _, c in ends],
        allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    n = len(params)
    adjoints: list[dict[str, Tensor]] = [{} for _ in params]
    for (i, key, _), value in zip(flat, found[2 * n :], strict=True):
        adjoints[i][key] = value
    return list(found[:n]), list(found[n : 2 * n]), adjoints


def _differentiable(key: str, value: Any) -> bool:
    counts = key in ("step", "mu_product")  # they depend on the number of steps alone
    return isinstance(value, Tensor) and value.is_floating_point() and not counts


def _grad(value: Tensor | None, at: list[Tensor], keep: bool = False) -> Vector:
    if value is None or not value.requires_grad:
        return zeros(at)
    return list(torch.autograd.grad(value, at, retain_graph=keep, allow_unused=True, materialize_grads=True))
