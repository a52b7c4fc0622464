"""What the user's optimiser would do next, as a function of the gradients, with clipping before it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, UnsupportedError
from auxin.optimizers._hooks import check_hooks, refuse_hooks, through_hooks
from auxin.optimizers._known import update_for
from auxin.optimizers.base import Group, State, Update

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer]
"""One optimiser, or several that each hold some of the parameters."""


class InnerStep:
    """The next step of an optimiser: W+ = U(W, clip(g)), and (dU/dg)^T v through the update and the clipping.

    Hyperparameters and state are read when they are needed, so one `InnerStep` serves a whole training with
    schedulers. Nothing is ever changed. A parameter that no optimiser holds, or whose gradient is None, stays where
    it is.

    Args:
        optimizer: The user's optimiser, or several that step together (Muon beside AdamW, one for each part); each
            one of the family `optimizers`.
        parameters: The trainable parameters of the primary network; the gradients come in their order.
        clip_norm: The bound of `torch.nn.utils.clip_grad_norm_` over all of them, if it is used.
        clip_value: The bound of `torch.nn.utils.clip_grad_value_`, if it is.

    Raises:
        UnsupportedError: An optimiser that is not in the family.
        ConfigError: Both ways of clipping at once, or a parameter that two optimisers hold.

    >>> w = torch.nn.Parameter(torch.tensor([1.0]))
    >>> step = InnerStep(torch.optim.SGD([w], lr=0.5), [w])
    >>> step.lookahead([torch.tensor([1.0])])
    [tensor([0.5000])]
    >>> step.pullback([torch.tensor([1.0])], [torch.tensor([2.0])])
    [tensor([-1.])]
    """

    def __init__(
        self,
        optimizer: Optimizers,
        parameters: Iterable[Tensor],
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        if clip_norm is not None and clip_value is not None:
            raise ConfigError("Gradients are clipped by norm or by value, not both", do="Give one of them.")
        self.optimizers = [optimizer] if isinstance(optimizer, torch.optim.Optimizer) else list(optimizer)
        self.parameters = list(parameters)
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.updates = [update_for(each) for each in self.optimizers]
        self._seen_hooks: set[tuple[int, ...]] = set()
        self._refuse_two_holders()

    def foreign(self, network: Iterable[Tensor]) -> list[Tensor]:
        """The trainable parameters that the optimisers move and that are not among the network's.

        Args:
            network: All of the network's parameters, frozen ones included.

        Raises:
            UnsupportedError: The step moves a frozen parameter of the network, by its momentum or decay.
        """
        trained = {id(p) for p in self.parameters}
        pairs = zip(self.optimizers, self.updates, strict=True)
        others = [
            (p, update, group, each.state.get(p, {}))
            for each, update in pairs
            for group in each.param_groups
            for p in group["params"]
            if id(p) not in trained
        ]
        own = {id(p) for p in network} if others else set()
        for p, update, group, state in others:
            if id(p) in own and p.grad is not None:
                _refuse_moving(p, update, group, state)
        return [p for p, *_ in others if p.requires_grad and id(p) not in own]

    def clip(self, grads: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The clipped gradients, differentiable (the global norm's own derivative included)."""
        return clipped(grads, self.clip_norm, self.clip_value)

    def states(self) -> list[State]:
        """The optimiser's state of each parameter; empty where there is none yet."""
        return [
            next((each.state[p] for each in self.optimizers if p in each.state), {}) for p in self.parameters
        ]

    def advance(
        self, params: Sequence[Tensor], grads: Sequence[Tensor | None], states: Sequence[State]
    ) -> tuple[list[Tensor], list[State]]:
        """Parameters and states after one step from any point, differentiable in all three arguments."""
        rows = zip(params, self.clip(self._hooked(grads)), self._homes(), states, strict=True)
        moved = [
            (p, s) if g is None or update is None else update.advance(p, _plain(g), group, s)
            for p, g, (group, update), s in rows
        ]
        return [p for p, _ in moved], [s for _, s in moved]

    def lookahead(self, grads: Sequence[Tensor | None]) -> list[Tensor]:
        """W+ = U(W, clip(g)), as constants; bit for bit what `optimizer.step()` would do.

        Args:
            grads: As autograd computes them; hooks on the parameters are applied here.

        Raises:
            UnsupportedError: A hook that cannot be looked through.
        """
        self._look_at_hooks(grads)
        with torch.no_grad():
            clipped_grads = self.clip(self._hooked(grads))
        return [
            p.detach() if g is None or update is None else update.step(p.detach(), _plain(g), group, s)
            for p, g, group, update, s in self._rows(clipped_grads)
        ]

    @property
    def linear(self) -> bool:
        """Whether `pullback` reads no value of the gradients: updates linear in g, without clipping or hooks."""
        return not self._changes_gradients and all(update.linear for update in self.updates)

    @property
    def _changes_gradients(self) -> bool:
        """Whether clipping or a parameter's hooks stand before the update."""
        clips = self.clip_norm is not None or self.clip_value is not None
        return clips or any(p._backward_hooks for p in self.parameters)

    def pullback(self, grads: Sequence[Tensor | None], v: Sequence[Tensor]) -> list[Tensor]:
        """(dU/dg)^T v: elementwise work on the parameters, no network; zeros where a gradient is None."""
        if not self._changes_gradients:
            return self._pulled(grads, v)
        variables = [None if g is None else g.detach().requires_grad_() for g in grads]
        with torch.enable_grad():
            after = self.clip(self._hooked(variables))
        cotangents = self._pulled([None if g is None else g.detach() for g in after], v)
        pairs = [(g, u) for g, u in zip(after, cotangents, strict=True) if g is not None and g.requires_grad]
        known = [x for x in variables if x is not None]
        found = iter(
            torch.autograd.grad(
                [g for g, _ in pairs], known, [u for _, u in pairs], allow_unused=True, materialize_grads=True
            )
            if pairs
            else [torch.zeros_like(x) for x in known]
        )
        return [torch.zeros_like(x) if g is None else next(found) for g, x in zip(grads, v, strict=True)]

    def _pulled(self, grads: Sequence[Tensor | None], v: Sequence[Tensor]) -> list[Tensor]:
        """(dU/dg)^T v at the gradients that the optimiser is given."""
        return [
            torch.zeros_like(x)
            if g is None or update is None
            else update.pull(p.detach(), _plain(g), group, s, x)
            for (p, g, group, update, s), x in zip(self._rows(grads), v, strict=True)
        ]

    def _rows(
        self, grads: Sequence[Tensor | None]
    ) -> list[tuple[Tensor, Tensor | None, Any, Update | None, State]]:
        """Each parameter with its gradient, group, update and state."""
        columns = zip(self.parameters, grads, self._homes(), self.states(), strict=True)
        return [(p, g, group, update, s) for p, g, (group, update), s in columns]

    @property
    def unit(self) -> float:
        """The learning rate now; where groups differ, their mean weighted by the number of entries."""
        rates = [
            (update.step_size(g), p.numel())
            for (g, update), p in zip(self._homes(), self.parameters, strict=True)
            if update
        ]
        if len({rate for rate, _ in rates}) == 1:
            return rates[0][0]
        return sum(rate * n for rate, n in rates) / max(1, sum(n for _, n in rates))

    def _hooked(self, grads: Sequence[Tensor | None]) -> list[Tensor | None]:
        """The gradients that the parameters' own hooks leave."""
        pairs = zip(self.parameters, grads, strict=True)
        return [g if g is None or not p._backward_hooks else through_hooks(p, g) for p, g in pairs]

    def _look_at_hooks(self, grads: Sequence[Tensor | None]) -> None:
        """Refuse hooks that cannot be looked through; the derivative of the others is checked when they are new."""
        refuse_hooks(self.optimizers, self.parameters)
        now = {
            (i, *map(id, p._backward_hooks.values()))
            for i, p in enumerate(self.parameters)
            if p._backward_hooks
        }
        if not now <= self._seen_hooks:
            check_hooks(self.parameters, grads)
            self._seen_hooks = now

    def _homes(self) -> list[tuple[Any, Update | None]]:
        """The optimiser's group of each parameter and its update; None where it holds no such parameter."""
        pairs = zip(self.optimizers, self.updates, strict=True)
        home = {
            id(p): (group, update)
            for each, update in pairs
            for group in each.param_groups
            for p in group["params"]
        }
        return [home.get(id(p), (None, None)) for p in self.parameters]

    def _refuse_two_holders(self) -> None:
        own = {id(p): list(p.shape) for p in self.parameters}
        held = Counter(
            id(p) for each in self.optimizers for group in each.param_groups for p in group["params"]
        )
        shared = [shape for key, shape in own.items() if held[key] > 1]
        if shared:
            raise ConfigError(
                "Two optimisers hold the same parameter, so the next step is not defined",
                expected="each parameter in one optimiser",
                found=f"{len(shared)} in two or more, the first of shape {shared[0]}",
            )


def clipped(
    grads: Sequence[Tensor | None], clip_norm: float | None = None, clip_value: float | None = None
) -> list[Tensor | None]:
    """Gradients clipped as `torch.nn.utils` does, by global norm or by value; differentiable."""
    known = [g for g in grads if g is not None]
    if clip_value is not None:
        return _each(lambda g: g.clamp(-clip_value, clip_value), grads)
    if clip_norm is None or not known:
        return list(grads)
    total = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in known]))
    factor = (clip_norm / (total + 1e-6)).clamp(max=1.0)
    return _each(lambda g: g * factor, grads)


def _each(function: Callable[[Tensor], Tensor], grads: Sequence[Tensor | None]) -> list[Tensor | None]:
    return [None if g is None else function(g) for g in grads]


def _refuse_moving(p: Tensor, update: Update, group: Group, state: State) -> None:
    if not torch.equal(update.step(p.detach(), torch.zeros_like(p), group, state), p.detach()):
        raise UnsupportedError(
            "The optimiser's next step moves a frozen parameter by its momentum or weight decay, because its .grad "
            "is zero and not None",
            found=f"requires_grad=False and a .grad, shape {tuple(p.shape)}",
            do="Set its .grad to None (`zero_grad(set_to_none=True)`), or leave it out of the optimiser.",
        )


def _plain(grad: Tensor) -> Tensor:
    if grad.is_sparse or grad.is_complex():
        kind = "sparse" if grad.is_sparse else "complex"
        raise UnsupportedError(
            "A gradient cannot be looked through",
            expected="a dense real tensor",
            found=f"a {kind} one of shape {tuple(grad.shape)}",
            do='Build the embedding with sparse=False, or use estimator="implicit".'
            if grad.is_sparse
            else 'Keep real and imaginary parts as real parameters, or use estimator="implicit".',
        )
    return grad
