"""The outer loss's gradient at given parameters, and how an estimate is put together from its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, message
from auxin.hypergradients._base import Ahead, BilevelProblem, Hypergradient, TrainingGradient
from auxin.hypergradients._mixed import Slope, to_phi
from auxin.math.functional import call, lent, save_rng
from auxin.math.params import Vector, axpy, bare, filled, leaves


@dataclass(frozen=True)
class OuterGradient:
    """L_A and its gradients: v over W, and the direct one over phi (zeros unless phi is in the network).

    Zeros over phi take no memory, and `reaches_phi` says whether there is anything else.
    """

    loss: Tensor
    v: Vector
    phi: Vector
    reaches_phi: bool
    ahead: Ahead | None = None


def outer_gradient(
    problem: BilevelProblem, params: Sequence[Tensor], meta: Any, keep: bool = False
) -> OuterGradient:
    """v = grad_W L_A at the given W; parameters that the outer loss does not reach have zeros.

    Args:
        problem: whose outer loss.
        params: W.
        meta: the batch.
        keep: keep the forward pass with its graph, for the training step on this batch at this W.
    """
    at, phi = leaves(params), list(problem.phi)
    rng, buffers = save_rng(), lent(problem.network)
    with torch.enable_grad():
        with problem.autocast():
            signals = call(problem.network, at, problem.inputs(meta), buffers)
        after, signals = save_rng(), problem.raised(signals)
        loss = problem.outer(signals, meta)
    grads = torch.autograd.grad(loss, [*at, *phi], allow_unused=True, retain_graph=keep)
    found = grads[len(at) :]
    direct = [q.new_zeros(()).expand_as(q) if g is None else g for g, q in zip(found, phi, strict=True)]
    reaches = any(g is not None for g in found)
    ahead = None
    if keep:
        moved = [(own, buffers[name]) for name, own in bare(problem.network).named_buffers()]
        ahead = Ahead(at, signals, rng, after, moved)
    v = filled(grads[: len(at)], at)
    v = v if problem.average is None else problem.average(v)
    return OuterGradient(loss.detach(), v, direct, reaches, ahead)


def finish(
    problem: BilevelProblem,
    gradient: TrainingGradient,
    outer: OuterGradient,
    slope: Slope,
    *,
    unit: float,
    scale: str,
    notes: list[str],
    residual: float | None = None,
) -> Hypergradient:
    """Direct part - indirect part (over the unit where asked); the auxiliary networks' buffers move, once."""
    if not gradient.differentiable:
        raise ConfigError(
            message("The training gradient has no graph to phi", do="Take it with keep_graph=True.")
        )
    factor = scale_factor(scale, unit)
    penalty = problem.direct(gradient.context)
    total = -factor * slope.value if penalty is None else penalty - factor * slope.value
    indirect = to_phi(problem, total)
    move_buffers(gradient.moved)
    return Hypergradient(
        gradients=tuple(axpy(1.0, indirect, outer.phi) if outer.reaches_phi else indirect),
        outer_loss=outer.loss,
        unit=unit,
        residual=residual,
        influence=slope.influence(),
        notes=notes,
        ahead=outer.ahead,
    )


def combined(
    indirect: Sequence[Tensor],
    direct: Sequence[Tensor],
    outer_loss: Tensor,
    *,
    unit: float,
    scale: str,
    moved: Sequence[tuple[Tensor, Tensor]] = (),
    notes: list[str] | None = None,
) -> Hypergradient:
    """The same for an estimator whose two parts are already derivatives over phi."""
    factor = scale_factor(scale, unit)
    move_buffers(moved)
    gradients = tuple(factor * a + b for a, b in zip(indirect, direct, strict=True))
    return Hypergradient(gradients, outer_loss.detach(), unit=unit, notes=notes or [])


def scale_factor(scale: str, unit: float) -> float:
    """What the indirect part is multiplied by (a step of size zero is left as it is: its part is zero)."""
    if scale not in ("raw", "unit"):
        raise ConfigError(
            message("Unknown scale of a hypergradient", expected="raw or unit", found=repr(scale))
        )
    return 1.0 / unit if scale == "unit" and (isinstance(unit, Tensor) or unit) else 1.0


def move_buffers(moved: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Let the auxiliary networks' buffers take their new values: once in a meta step."""
    with torch.no_grad():
        for own, value in moved:
            own.copy_(value)
