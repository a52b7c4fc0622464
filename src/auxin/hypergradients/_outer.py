"""The outer loss's gradient at given parameters, and how an estimate is put together from its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients._mixed import Slope, to_phi
from auxin.hypergradients.base import BilevelProblem, Hypergradient, NextBatchForward, TrainingGradient
from auxin.math.factored import Inputs, layers
from auxin.math.functional import lent, placed, save_rng, undistorted
from auxin.math.graphs import graph_nodes
from auxin.math.lean import lean
from auxin.math.params import Vector, axpy, bare, filled, leaves, named_buffers, trainable
from auxin.math.visits import foreign_parameters


@dataclass(frozen=True)
class OuterGradient:
    """L_A and its gradients: v over W, and the direct one over phi (zeros unless phi is in the network).

    Zeros over phi take no memory, and `reaches_phi` says whether there is anything else. Where `inputs` has a linear
    layer's, v has its weight's gradient as factors (`auxin.math.factored`).
    """

    loss: Tensor
    v: Vector
    phi: Vector
    reaches_phi: bool
    ahead: NextBatchForward | None = None
    inputs: Inputs = field(default_factory=dict)


def outer_gradient(
    problem: BilevelProblem, params: Sequence[Tensor], meta: Any, keep: bool = False, factored: bool = False
) -> OuterGradient:
    """v = grad_W L_A at the given W; parameters that the outer loss does not reach have zeros.

    Args:
        problem: whose outer loss.
        params: W.
        meta: The batch.
        keep: Keep the forward pass with its graph, for the training step on this batch at this W.
        factored: Leave linear layers' gradients as factors where that costs less.
    """
    at, phi, own = leaves(params), list(problem.phi), list(trainable(problem.network).values())
    rng, buffers = save_rng(), lent(problem.network)
    with torch.enable_grad(), undistorted(problem.network), placed(problem.network, at, buffers) as module:
        with problem.autocast(), lean(module):
            signals = module(*problem.inputs(meta))
        after, signals = save_rng(), problem.raised(signals)
        loss = problem.outer_loss(signals, meta)
        found = layers(loss, at, module) if factored else {}
        ends = [found[i].outputs if i in found else w for i, w in enumerate(at)]
        grads = gradients_of(loss, [*ends, *phi], own, keep, foreign_parameters())
    own_of_phi = grads[len(at) :]
    direct = [q.new_zeros(()).expand_as(q) if g is None else g for g, q in zip(own_of_phi, phi, strict=True)]
    reaches = any(g is not None for g in own_of_phi)
    ahead = None
    if keep:
        moved = [(own, buffers[name]) for name, own in named_buffers(bare(problem.network)).items()]
        ahead = NextBatchForward(at, signals, rng, after, moved)
    v = filled(grads[: len(at)], at)
    v = problem.averaged(v)
    inputs = {i: layer.inputs for i, layer in found.items() if grads[i] is not None}
    return OuterGradient(loss.detach(), v, direct, reaches, ahead, inputs)


def gradients_of(
    loss: Tensor,
    at: Sequence[Any],
    own: Sequence[Tensor],
    keep: bool = False,
    foreign: Sequence[Tensor] = (),
) -> tuple[Tensor | None, ...]:
    """The gradients of a loss whose network holds other parameters than its own; None where there is no path.

    Args:
        loss: The training loss or the outer loss.
        at: Where to differentiate: tensors, or places of the graph.
        own: The network's own parameters, which the loss must not have reached.
        keep: Keep the graph.
        foreign: Parameters outside the network that the optimiser moves, which the loss must not reach.

    Raises:
        UnsupportedError: The loss reads the network's own parameters, or foreign ones, or the network is checkpointed
            reentrantly.
    """
    if not loss.requires_grad:  # this process's part of the batch reaches nothing
        return (None,) * len(at)
    try:
        found = torch.autograd.grad(loss, [*at, *own, *foreign], allow_unused=True, retain_graph=keep)
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise _reentrant() from error
    if any(g is None for g in found[: len(at)]):
        refuse_reentrant(loss)
    outside = [p for p, g in zip(foreign, found[len(at) + len(own) :], strict=True) if g is not None]
    if outside:
        raise UnsupportedError(
            "The outer loss reads parameters that the optimiser moves and that the network does not have, so the "
            "look-ahead would leave them where they are",
            expected="every trained parameter in `network.parameters()`",
            found=f"{len(outside)} outside, the first of shape {tuple(outside[0].shape)}",
            do="Register their module in the network (no plain list or closure).",
        )
    if any(g is not None for g in found[len(at) : len(at) + len(own)]):
        raise UnsupportedError(
            "A loss or the network's own forward reads parameters from a list or a name that keeps them, so it stays "
            "at W when the network is at W+",
            expected="parameters that are looked up in their modules at every call, as `network.parameters()` does",
            found="the parameters at W in the loss's graph",
            do="Read `layer.weight` or `network.parameters()` inside the loss or the forward; a network keeps a list "
            "of parameters as nn.ParameterList.",
        )
    return found[: len(at)]


def _reentrant() -> UnsupportedError:
    return UnsupportedError(
        "The network is checkpointed with use_reentrant=True, which hides its parameters from the gradient",
        do="Checkpoint with use_reentrant=False (transformers: gradient_checkpointing_enable("
        "gradient_checkpointing_kwargs={'use_reentrant': False})).",
    )


def refuse_reentrant(loss: Tensor) -> None:
    """Refuse a graph with reentrant checkpoints, which torch differentiates as if they had no parameters.

    Raises:
        UnsupportedError: There is one.
    """
    if any(type(node).__name__ == "CheckpointFunctionBackward" for node in graph_nodes([loss])):
        raise _reentrant()


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
        raise ConfigError("The training gradient has no graph to phi", do="Take it with keep_graph=True.")
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
        raise ConfigError("Unknown scale of a hypergradient", expected="raw or unit", found=repr(scale))
    return 1.0 / unit if scale == "unit" and (isinstance(unit, Tensor) or unit) else 1.0


def move_buffers(moved: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Let the auxiliary networks' buffers take their new values: once in a meta step."""
    with torch.no_grad():
        for own, value in moved:
            own.copy_(value)
