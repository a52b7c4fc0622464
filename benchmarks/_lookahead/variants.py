"""One training step and one meta step on one batch, in every schedule and way; each function moves a setup."""

from collections.abc import Callable

import torch
from torch import Tensor

from _lookahead.setup import Batch, Setup, criterion, main_loss
from auxin import training_gradient
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.functional import jvp
from auxin.math.params import dot, leaves
from auxin.math.tree import rebuild, tensors


def train_only(s: Setup) -> None:
    with torch.no_grad():
        targets = s.generator(s.batch)
    criterion(s.network(s.batch[0]), s.batch, targets).backward()
    s.sgd.step()
    s.sgd.zero_grad()


def alternation(s: Setup) -> None:
    train_only(s)
    found = Lookahead("forward").estimate(s.problem, s.batch, s.batch, s.step)
    s.move(s.meta, s.phi, list(found.gradients))


def alternation_double(s: Setup) -> None:
    train_only(s)
    targets = s.generator(s.batch)
    grads = torch.autograd.grad(
        criterion(s.at(s.weights, s.batch[0]), s.batch, targets), s.weights, create_graph=True
    )
    ahead = [w - 0.01 * g for w, g in zip(s.weights, grads, strict=True)]
    outer = main_loss(s.at(ahead, s.batch[0]), s.batch)
    s.move(s.meta, s.phi, list(torch.autograd.grad(outer, s.phi)))


def fused(s: Setup, estimator: Lookahead | FiniteDifference | None = None) -> None:
    gradient = training_gradient(s.problem, s.batch)
    found = (estimator or Lookahead("forward")).estimate(s.problem, s.batch, s.batch, s.step, gradient)
    s.move(s.sgd, s.weights, gradient.gradients)
    s.move(s.meta, s.phi, list(found.gradients))


def fused_difference(s: Setup) -> None:
    fused(s, FiniteDifference())


def fused_double(s: Setup) -> None:
    targets = s.generator(s.batch)
    grads = torch.autograd.grad(
        criterion(s.network(s.batch[0]), s.batch, targets), s.weights, create_graph=True
    )
    ahead = [w - 0.01 * g for w, g in zip(s.weights, grads, strict=True)]
    hyper = torch.autograd.grad(main_loss(s.at(ahead, s.batch[0]), s.batch), s.phi)
    s.move(s.sgd, s.weights, [g.detach() for g in grads])
    s.move(s.meta, s.phi, list(hyper))


def fused_transposed(s: Setup) -> None:
    """The primal shared: S' is the transpose of the training step's own backward, u -> J'u, kept as a
    graph."""
    targets = s.generator(s.batch)
    out = s.network(s.batch[0])
    values = [v.detach().requires_grad_() for v in out.values()]
    pairs = dict(zip(out, values, strict=True))
    slopes = torch.autograd.grad(criterion(pairs, s.batch, targets), values, create_graph=True)
    u = [g.detach().requires_grad_() for g in slopes]
    grads = torch.autograd.grad(list(out.values()), s.weights, u, create_graph=True)
    ahead = [(w - 0.01 * g).detach().requires_grad_() for w, g in zip(s.weights, grads, strict=True)]
    v = torch.autograd.grad(main_loss(s.at(ahead, s.batch[0]), s.batch), ahead, allow_unused=True)
    known = [(g, 0.01 * c) for g, c in zip(grads, v, strict=True) if c is not None]
    tangents = torch.autograd.grad([g for g, _ in known], u, [p for _, p in known])
    slope = dot(slopes, tangents)
    hyper = torch.autograd.grad(-slope, s.phi)
    s.move(s.sgd, s.weights, [g.detach() for g in grads])
    s.move(s.meta, s.phi, list(hyper))


def following(s: Setup) -> None:
    """The outer loss on the next batch, whose forward at W+ is also the next training step's."""
    train, after = s.batch, s.next
    if s.shared is None:
        s.shared = (s.weights, s.network(train[0]))
    at, signals = s.shared
    targets = s.generator(train)
    loss = criterion(signals, train, targets.detach())
    grads = list(torch.autograd.grad(loss, at))
    ahead = [w.requires_grad_() for w in s.step.lookahead(grads)]
    signals = s.at(ahead, after[0])
    v = torch.autograd.grad(main_loss(signals, after), ahead, retain_graph=True, allow_unused=True)
    p = [torch.zeros_like(w) if c is None else 0.01 * c for w, c in zip(ahead, v, strict=True)]
    hyper = _hyper_from_slope(s, train, targets, p)
    s.move(s.sgd, s.weights, grads)
    s.move(s.meta, s.phi, hyper)
    s.shared, s.batch, s.next = (ahead, signals), after, train


def _hyper_from_slope(s: Setup, train: Batch, targets: Tensor, p: list[Tensor]) -> list[Tensor]:
    primal, tangent = jvp(s.network, s.weights, p, (train[0],))
    values = leaves(tensors(primal))
    loss = criterion(rebuild(primal, values), train, targets)
    slopes = torch.autograd.grad(loss, values, create_graph=True)
    slope = dot(slopes, tensors(tangent))
    return list(torch.autograd.grad(-slope, s.phi))


def following_double(s: Setup) -> None:
    train, after = s.batch, s.next
    if s.shared is None:
        s.shared = (s.weights, s.network(train[0]))
    at, signals = s.shared
    grads = torch.autograd.grad(criterion(signals, train, s.generator(train)), at, create_graph=True)
    moved = [w - 0.01 * g for w, g in zip(at, grads, strict=True)]
    ahead = [w.detach().requires_grad_() for w in moved]
    signals = s.at(ahead, after[0])
    v = torch.autograd.grad(main_loss(signals, after), ahead, retain_graph=True, allow_unused=True)
    known = [(w, c) for w, c in zip(moved, v, strict=True) if c is not None]
    hyper = torch.autograd.grad([w for w, _ in known], s.phi, [c for _, c in known])
    s.move(s.sgd, s.weights, [g.detach() for g in grads])
    s.move(s.meta, s.phi, list(hyper))
    s.shared, s.batch, s.next = (ahead, signals), after, train


VARIANTS: dict[str, tuple[str, str, Callable[[Setup], None]]] = {
    "train_only": ("training step alone", "(no meta step)", train_only),
    "alternation": ("alternation", "one JVP (auxin)", alternation),
    "alternation_double": ("alternation", "double backward", alternation_double),
    "fused": ("fused", "one JVP (auxin)", fused),
    "fused_double": ("fused", "double backward", fused_double),
    "fused_transposed": ("fused", "backward transposed, primal shared", fused_transposed),
    "fused_difference": ("fused", "finite difference (auxin)", fused_difference),
    "following": ("fused, outer loss on the next batch, forward shared", "one JVP", following),
    "following_double": (
        "fused, outer loss on the next batch, forward shared",
        "double backward",
        following_double,
    ),
}


PAIRS = [
    ("alternation", "alternation_double"),
    ("fused", "fused_double"),
    ("fused_transposed", "fused_double"),
    ("following", "following_double"),
    ("fused", "alternation_double"),
    ("following", "alternation_double"),
]
"""Which variant is set against which: twins first, then across schedules."""
