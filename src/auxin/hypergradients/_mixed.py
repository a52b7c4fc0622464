"""The mixed product d/dphi <p, grad_W L_T(W, phi)>, in four ways that agree where phi is terminal.

Each way returns the scalar <p, grad_W L_T(W, phi)> with a graph to phi; an ordinary backward gives the
product.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from auxin.hypergradients.base import BilevelProblem, TrainingGradient
from auxin.math.factored import Inputs, multiplied
from auxin.math.functional import (
    Rng,
    call,
    jvp,
    placed,
    plain_attention,
    restore_rng,
    save_rng,
    still,
    under_rng,
)
from auxin.math.params import Vector, axpy, bare, detached, dot, leaves, norm, present, trainable
from auxin.math.products import check_twice_differentiable, directional
from auxin.math.tree import detach, rebuild, tensors
from auxin.math.visits import as_left, begin_loss
from auxin.typing import Signals

RADIUS = {torch.float64: 1e-5, torch.float32: 1e-4}
"""How far a finite difference probes: |eps p|."""

READ_ELSEWHERE: WeakSet[nn.Module] = WeakSet()
"""Networks in which something beside a linear layer has read its weight in a pass with factors."""


@dataclass(frozen=True)
class Slope:
    """<p, grad_W L_T(W, phi)> as a function of phi.

    Attributes:
        value: Scalar, with a graph to phi.
        terms: The entries grad_S C * S' of which it is the sum (empty where they are not known).
        losses: <p, grad_W l> of each sample's losses, [B] or [B, T], where the problem exposes them.
    """

    value: Tensor
    terms: list[Tensor]
    losses: Tensor | None = None

    def negated(self) -> "Slope":
        """The slope along -p: less work than to negate p, which is as large as the network."""
        return Slope(-self.value, [-t for t in self.terms], None if self.losses is None else -self.losses)

    def influence(self) -> Tensor | None:
        """<p, grad_W l> of the exposed losses; else the part of the value that each sample makes, [B].

        None where samples cannot be told apart.
        """
        if self.losses is not None:
            return self.losses
        rows = {t.shape[0] if t.dim() else 0 for t in self.terms}
        if len(rows) != 1 or rows == {0}:
            return None
        return torch.stack(
            [t.detach().flatten(1).sum(1) if t.dim() > 1 else t.detach() for t in self.terms]
        ).sum(0)


@contextmanager
def at_parameters(problem: BilevelProblem, params: Vector, rng: Rng | None) -> Iterator[nn.Module]:
    """The network at other parameters, with every derivative, under a random state; nothing of a pass is left."""
    with (
        under_rng(rng), still(problem.auxiliary), plain_attention(), torch.enable_grad(),
        placed(problem.network, params) as module,
    ):  # fmt: skip
        yield module


def forward_slope(
    problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector, inputs: Inputs | None = None
) -> Slope:
    """By one JVP: <grad_S C(S, phi), S'> with S' = d/deps S(W + eps p) at eps = 0; phi must be terminal.

    Args:
        problem: The two losses.
        train: The batch.
        gradient: For the context and the random state.
        p: The direction.
        inputs: Of the linear layers whose part of p is left as factors.
    """
    params = list(trainable(problem.network).values())
    with under_rng(gradient.rng), still(problem.auxiliary), torch.enable_grad():
        primal, tangent = jvp(
            problem.network, params, p, problem.inputs(train), None, gradient.products, inputs
        )
        after = save_rng()
    if inputs and any(bool(t.isnan().any()) for t in tensors(tangent)):
        READ_ELSEWHERE.add(bare(problem.network))
        return forward_slope(problem, train, gradient, multiplied(p, inputs))
    return tangent_slope(problem, train, gradient, primal, tangent, after)


def tangent_slope(
    problem: BilevelProblem,
    train: Any,
    gradient: TrainingGradient,
    primal: Signals,
    tangent: Signals,
    after: Rng | None = None,
) -> Slope:
    """The same where S and S' are at hand, by a backward through the criterion alone.

    Args:
        problem: The two losses.
        train: The batch.
        gradient: For the context and the random state.
        primal: S.
        tangent: S'.
        after: The random state that the forward pass leaves behind, under which the criterion draws (None: a pass finds
            it where the criterion draws at all).
    """
    with (
        under_rng(after or gradient.rng), still(problem.auxiliary), as_left(problem.network) as lend,
        torch.enable_grad(),
    ):  # fmt: skip
        start = save_rng()
        values, loss = loss_at(problem, primal, train, gradient.context)
        if after is None and not torch.equal(start.cpu, save_rng().cpu):
            restore_rng(gradient.rng)
            with torch.no_grad():
                call(
                    problem.network,
                    detached(list(trainable(problem.network).values())),
                    problem.inputs(train),
                )
            lend()
            values, loss = loss_at(problem, primal, train, gradient.context)
        slopes = torch.autograd.grad(loss, values, create_graph=True, allow_unused=True)
        terms = [g * s for g, s in zip(slopes, tensors(tangent), strict=True) if g is not None]
        total = torch.stack([t.sum() for t in terms]).sum() if terms else loss.detach() * 0
        return Slope(total, terms, _exposed(problem, train, gradient, primal, tangent))


def loss_at(problem: BilevelProblem, signals: Signals, train: Any, context: Any) -> tuple[Vector, Tensor]:
    """The training loss of signals that are leaves, and these; of copies of them where it writes into its outputs."""
    values, start = leaves(tensors(signals)), save_rng()
    try:
        return values, problem.training_loss(rebuild(signals, values), train, context)
    except RuntimeError as error:
        if "in-place operation" not in str(error):
            raise
    restore_rng(start)
    copies = [v.clone() for v in values]
    return values, problem.training_loss(rebuild(signals, copies), train, context)


def reverse_slope(
    problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector, strict: bool = True
) -> Slope:
    """By reverse-over-reverse: the gradient at W with a graph, times p; phi may enter anywhere.

    Strict refuses a network whose double backward torch would silently leave a part of.
    """
    params = leaves(list(trainable(problem.network).values()))
    with at_parameters(problem, params, gradient.rng) as module:
        signals = module(*problem.inputs(train))
        loss = problem.training_loss(signals, train, gradient.context)
        grads = torch.autograd.grad(loss, params, create_graph=True, allow_unused=True)
        found, along = present(grads, p)
        if strict:
            check_twice_differentiable(found)
        value = dot(found, along) if found else None
        return linear_slope(problem, to_phi(problem, value, keep=True))


def element_slope(problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector) -> Slope:
    """By one ordinary backward pass per element of phi: d/dphi_j <p, J^T grad_S C> = <p, J^T d/dphi_j grad_S C>.

    No operation of the network needs a second derivative or a forward mode. Where the problem tells its losses
    apart (`BilevelProblem.split`), neither does a loss function. Phi must be terminal.
    """
    params, phi = leaves(list(trainable(problem.network).values())), list(problem.phi)
    with (
        under_rng(gradient.rng), still(problem.auxiliary), torch.enable_grad(),
        placed(problem.network, params) as module,
    ):  # fmt: skip
        signals = module(*problem.inputs(train))
        ends, combine = _split(problem, signals, train, gradient)
        values = leaves(ends)
        loss = combine(values)
        cotangents = torch.autograd.grad(loss, values, create_graph=True, allow_unused=True)
        live = [
            k for k, c in enumerate(cotangents) if c is not None and c.requires_grad and ends[k].requires_grad
        ]
        slopes: Vector = [torch.zeros_like(q) for q in phi]
        if live:
            probes = [torch.zeros_like(ends[k], requires_grad=True) for k in live]
            pairing = dot([cotangents[k] for k in live], probes)  # type: ignore[list-item]
            by_phi = torch.autograd.grad(
                pairing, phi, create_graph=True, allow_unused=True, materialize_grads=True
            )
            heads = [ends[k] for k in live]
            for slope, row in zip(slopes, by_phi, strict=True):
                for at, entry in enumerate(row.flatten() if row.requires_grad else []):
                    seeds = torch.autograd.grad(entry, probes, retain_graph=True, materialize_grads=True)
                    grads = torch.autograd.grad(heads, params, seeds, retain_graph=True, allow_unused=True)
                    slope.view(-1)[at] = dot(*present(grads, p))
        _add_direct(slopes, loss, phi, params, p)
        return linear_slope(problem, slopes)


def _add_direct(slopes: Vector, loss: Tensor, phi: list[Tensor], params: Vector, p: Vector) -> None:
    """The part of a loss that reads the parameters beside the signals: <p, grad_W dL_T/dphi_j> with these held."""
    rows = torch.autograd.grad(loss, phi, create_graph=True, allow_unused=True) if loss.requires_grad else ()
    for slope, row in zip(slopes, rows, strict=False):
        for at, entry in enumerate(row.flatten() if row is not None and row.requires_grad else []):
            grads = torch.autograd.grad(entry, params, retain_graph=True, allow_unused=True)
            terms = [(g * t).sum() for g, t in zip(grads, p, strict=True) if g is not None]
            slope.view(-1)[at] += sum(terms) if terms else 0


def _split(
    problem: BilevelProblem, signals: Signals, train: Any, gradient: TrainingGradient
) -> tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]:
    """What the training loss is a function of beside phi: the losses where they are told apart, or the signals."""
    if problem.split is not None:
        begin_loss()
        return problem.split(signals, train, gradient.context)
    return tensors(signals), lambda values: problem.training_loss(
        rebuild(signals, values), train, gradient.context
    )


def difference_slope(
    problem: BilevelProblem, train: Any, gradient: TrainingGradient, p: Vector, radius: float | None = None
) -> Slope:
    """By a central difference: (L_T(W + eps p, phi) - L_T(W - eps p, phi)) / (2 eps) with eps = radius / |p|.

    Both probes run under the same random state and on clones of the same buffers; only phi carries a graph.
    """
    params = detached(list(trainable(problem.network).values()))
    eps = (RADIUS.get(p[0].dtype, 1e-2) if radius is None else radius) / norm(p).clamp(min=1e-30)
    found = []
    for sign in (1.0, -1.0):
        probe = axpy(sign * eps, p, params)
        try:
            found.append(_probe(problem, train, gradient, probe))
        except (
            RuntimeError
        ) as error:  # the network takes a gradient over its own parameters in its forward pass
            if "does not require grad" not in str(error):
                raise
            found.append(_probe(problem, train, gradient, leaves(probe)))
    times = problem.processes / (2 * eps)
    return linear_slope(problem, [times * (up - down) for up, down in zip(*found, strict=True)])


def _probe(problem: BilevelProblem, train: Any, gradient: TrainingGradient, at: Vector) -> Vector:
    """dL_T/dphi at other parameters."""
    with (
        under_rng(gradient.rng), still(problem.auxiliary), torch.enable_grad(),
        placed(problem.network, at) as module,
    ):  # fmt: skip
        loss = problem.training_loss(module(*problem.inputs(train)), train, gradient.context)
        return to_phi(problem, loss, keep=True)


def linear_slope(problem: BilevelProblem, product: Vector) -> Slope:
    """The slope whose derivative over phi is already known."""
    pairs = list(zip(product, problem.phi, strict=True))
    nothing = torch.zeros(())
    return Slope(torch.stack([(g.detach() * q).sum() for g, q in pairs]).sum() if pairs else nothing, [])


def to_phi(problem: BilevelProblem, value: Tensor | None, keep: bool = False) -> Vector:
    """d value / d phi, zeros where phi has no influence.

    Args:
        problem: whose phi.
        value: A scalar, or None for zero.
        keep: Keep the graph for another backward.
    """
    phi = list(problem.phi)
    if value is None or not value.requires_grad or not phi:
        return [torch.zeros_like(q) for q in phi]
    return list(torch.autograd.grad(value, phi, retain_graph=keep, allow_unused=True, materialize_grads=True))


def _exposed(
    problem: BilevelProblem, train: Any, gradient: TrainingGradient, primal: Signals, tangent: Signals
) -> Tensor | None:
    losses = problem.losses
    if losses is None:
        return None
    context = detach(gradient.context)
    return directional(lambda signals: losses(signals, train, context), primal, tangent)
