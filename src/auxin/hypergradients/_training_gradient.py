"""grad_W L_T(W, phi; B): the training step's gradient, kept so that a meta step can use it again."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.hypergradients._outer import gradients_of, move_buffers
from auxin.hypergradients.base import BilevelProblem, NextBatchForward, TrainingGradient
from auxin.math.functional import Rng, placed, save_rng, still, under_rng
from auxin.math.lean import fits
from auxin.math.params import filled, leaves, local, trainable
from auxin.math.tangents import recording
from auxin.math.tree import detach
from auxin.math.visits import begin_pass
from auxin.typing import Signals


def training_gradient(
    problem: BilevelProblem, batch: Any, keep_graph: bool = True, ahead: NextBatchForward | None = None
) -> TrainingGradient:
    """Compute grad_W L_T at the network's current parameters, in one forward and one backward pass.

    Use it where one gradient serves both the training step and the meta step. It is an ordinary training forward: the
    network's buffers are updated once and random numbers are drawn. The auxiliary networks' buffers are not updated,
    and nothing is propagated back into the auxiliary networks. Under data parallelism it is this process's own
    gradient: averaging it over the processes is the caller's task.

    Formula:
        grad_W C(S(W; B), phi; B), with the context (a labeler's targets) constant.

    Args:
        problem: The network, the two losses and phi.
        batch: Training batch.
        keep_graph: Whether to keep the context's graph to phi for a meta step that follows. False saves it in a plain
            training step.
        ahead: Forward pass on this batch at these parameters, from the look-ahead before; it is used up. The random
            state is left as it is: `ahead.after` is where the pass left it.

    Returns:
        A `TrainingGradient`: `gradients` in the order of `network.parameters()`, to assign to `.grad`, and what
        `hypergradient(gradient=...)` uses again.

    Three rows of ones, and the training loss phi * sum(W x) with phi = 2:

    >>> from torch import nn
    >>> network, phi = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(network, lambda s, b: phi * s.sum(), lambda s, b: s.sum(), [phi])
    >>> batch = (torch.ones(3, 1),)
    >>> gradient = training_gradient(problem, batch)
    >>> gradient.gradients
    [tensor([[6.]])]

    The same gradient serves the meta step, which then costs one forward and one backward pass less:

    >>> from auxin import hypergradient
    >>> sgd = torch.optim.SGD(network.parameters(), lr=0.1)
    >>> hypergradient(problem, batch, optimizer=sgd, gradient=gradient).gradients
    (tensor(-0.9000),)
    """
    params = list(trainable(problem.network).values()) if ahead is None else ahead.at
    begun = None if ahead or problem.context is None else save_rng()
    with still(problem.auxiliary) as moved:
        with torch.set_grad_enabled(keep_graph), problem.autocast():
            context = None if problem.context is None else problem.raised(problem.context(batch))
        with torch.enable_grad():
            rng, signals = _forward(problem, batch) if ahead is None else (ahead.rng, ahead.signals)
            loss = problem.training_loss(signals, batch, detach(context))
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        move_buffers([] if ahead is None else ahead.moved)
    return TrainingGradient(
        loss=loss.detach(),
        gradients=filled(grads, params),
        signals=detach(signals),
        context=context,
        rng=rng,
        differentiable=keep_graph or problem.context is None,
        moved=moved,
        hooked=any(p._backward_hooks for p in params),
        begun=begun,
    )


def _forward(problem: BilevelProblem, batch: Any) -> tuple[Rng, Signals]:
    """A training forward, which moves the buffers, and the random state before it."""
    rng = save_rng()
    begin_pass(problem.network)
    with problem.autocast():
        signals = local(problem.network)(*problem.inputs(batch))
    return rng, problem.raised(signals)


def unhooked(problem: BilevelProblem, batch: Any, gradient: TrainingGradient | None) -> TrainingGradient:
    """The gradient at hand; a new one where there is none, or, by the same random numbers, where hooks changed it."""
    if gradient is None:
        return gradient_without_a_trace(problem, batch)
    if not gradient.hooked:
        return gradient
    with under_rng(gradient.first_rng):
        return gradient_without_a_trace(problem, batch)


def gradient_without_a_trace(problem: BilevelProblem, batch: Any) -> TrainingGradient:
    """The same with the primary network's buffers left as they are: for an estimator that was given none.

    It is taken at leaves of its own, so that hooks on the parameters do not act: the inner step applies them.
    """
    own = list(trainable(problem.network).values())
    params = leaves(own)
    with still(problem.auxiliary) as moved, torch.enable_grad():
        with problem.autocast():
            context = None if problem.context is None else problem.raised(problem.context(batch))
        rng = save_rng()
        with placed(problem.network, params) as module, recording(module) as products:
            with problem.autocast():
                signals = module(*problem.inputs(batch))
            products.close(
                room=context is not None and fits(module)
            )  # what makes a context has a graph itself
            signals = problem.raised(signals)
            loss = problem.training_loss(signals, batch, detach(context))
            found = gradients_of(loss, params, own)
    gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(found, params, strict=True)]
    return TrainingGradient(
        loss.detach(),
        gradients,
        detach(signals),
        context,
        rng,
        moved=moved,
        products=products,
        idle=idle(found, own),
    )


def idle(found: Sequence[Tensor | None], own: Sequence[Tensor]) -> frozenset[int]:
    """The places of the parameters that a step passes over: not reached, and without a `.grad` of zeros."""
    return frozenset(
        i for i, (g, p) in enumerate(zip(found, own, strict=True)) if g is None and p.grad is None
    )
