"""Inner steps taken on paper: from the network's parameters and the optimiser's state, moving neither."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.hypergradients._mixed import to_phi
from auxin.hypergradients._outer import gradients_of
from auxin.hypergradients._training_gradient import idle
from auxin.hypergradients.base import BilevelProblem, TrainingGradient
from auxin.math.functional import Rng, placed, restore_rng, save_rng, still
from auxin.math.params import Vector, axpy, detached, filled, leaves, trainable, zeros
from auxin.math.tree import detach
from auxin.optimizers import InnerStep


@dataclass(frozen=True)
class Iterate:
    """Where an unroll stands before a step.

    Attributes:
        params: W_t.
        states: The optimiser's state of each parameter.
        rng: The random state under which the step runs.
    """

    params: Vector
    states: Sequence[Any]
    rng: Rng


def needed(step: InnerStep | None, who: str) -> InnerStep:
    """Return the step, or raise an error that names the estimator that needs it."""
    if step is None:
        raise ConfigError(f"{who} needs the optimiser that takes the step", do="Give `optimizer`.")
    return step


def batches_of(train: Any, steps: int) -> list[Any]:
    """The batches of an unroll: a list of batches as it is, or one batch for every step."""
    several = isinstance(train, list | tuple) and len(train) > 0 and not isinstance(train[0], Tensor)
    return list(train) if several else [train] * steps


def begin(problem: BilevelProblem, step: InnerStep, gradient: TrainingGradient | None) -> Iterate:
    """The network and the optimiser as they are now; the first step draws what a gradient at hand drew."""
    rng = save_rng() if gradient is None else gradient.first_rng
    return Iterate(detached(list(trainable(problem.network).values())), step.states(), rng)


def advance(problem: BilevelProblem, step: InnerStep, at: Iterate, batch: Any) -> Iterate:
    """One inner step, as constants; buffers are lent and do not move from step to step."""
    restore_rng(at.rng)
    params = leaves(at.params)
    with still(problem.auxiliary):
        with torch.no_grad():
            context = None if problem.context is None else problem.context(batch)
        own = list(trainable(problem.network).values())
        with torch.enable_grad(), placed(problem.network, params) as module:
            loss = problem.training_loss(module(*problem.inputs(batch)), batch, detach(context))
            found = gradients_of(loss, params, own)
            grads = problem.averaged(filled(found, params))
    with torch.no_grad():
        after, states = step.advance(at.params, passed_over(grads, found, own), at.states)
    return Iterate(after, states, save_rng())


def passed_over(grads: Vector, found: Sequence[Tensor | None], own: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients as the optimiser finds them: None where no process reaches a parameter without a `.grad`."""
    skipped = {i for i in idle(found, own) if not bool(grads[i].any())}
    return [None if i in skipped else g for i, g in enumerate(grads)]


def window(
    problem: BilevelProblem, step: InnerStep, at: Iterate, batches: list[Any], meta: Any
) -> tuple[Iterate, Tensor]:
    """Inner steps on these batches, under the iterate's random state, and the outer loss after them, without R."""
    for batch in batches:
        at = advance(problem, step, at, batch)
    restore_rng(at.rng)
    with torch.enable_grad(), placed(problem.network, leaves(at.params)) as module:
        return at, problem.outer_loss(module(*problem.inputs(meta)), meta).detach()


def direct(
    problem: BilevelProblem, batches: list[Any], rng: Rng
) -> tuple[Vector, list[tuple[Tensor, Tensor]]]:
    """dR/dphi, the mean over the steps' batches, by autograd; and the auxiliary networks' buffers with new values.

    It draws what the first step's context draws.
    """
    phi = list(problem.phi)
    total = zeros(phi)
    restore_rng(rng)
    for batch in batches:
        with still(problem.auxiliary) as changed, torch.enable_grad():
            penalty = problem.direct(None if problem.context is None else problem.context(batch))
            total = axpy(1.0 / len(batches), to_phi(problem, penalty), total)
    return total, changed


@contextmanager
def moved(phi: Sequence[Tensor], by: Vector) -> Iterator[None]:
    """phi + by inside; afterwards phi's own memory again, untouched."""
    own = [p.data for p in phi]
    try:
        for p, d in zip(phi, by, strict=True):
            p.data = p.data + d
        yield
    finally:
        for p, data in zip(phi, own, strict=True):
            p.data = data
