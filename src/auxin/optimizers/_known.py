"""Which member reproduces an optimiser, and why some optimisers cannot be looked through."""

from functools import cache

import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import UnsupportedError
from auxin.optimizers._base import Update

_SIGN = (
    "its step depends on the sign of the gradient alone, whose derivative is zero, so phi would never learn"
)
_CLOSURE = "its step evaluates the loss several times"
_SPARSE = "its gradients are sparse"
_EIGHT_BITS = "its state is rounded to 8 bits, so its step is a staircase without a useful derivative"
_REASONS = {
    "Lion": _SIGN,
    "SignSGD": _SIGN,
    "Signum": _SIGN,
    "Rprop": _SIGN,
    "LBFGS": _CLOSURE,
    "SparseAdam": _SPARSE,
}


def update_for(optimizer: torch.optim.Optimizer) -> Update:
    """The member that reproduces this optimiser.

    Raises:
        UnsupportedError: There is none for exactly its class, or its step has no useful derivative.
    """
    _refuse_replaced(optimizer)
    members = _members()
    for member in members:
        if member.fits(optimizer):
            return member()
    reason = why_not(optimizer) or "its update is not known"
    raise UnsupportedError(
        f"The optimiser {type(optimizer).__name__} cannot be looked through: {reason}",
        expected=f"exactly one of: {', '.join(sorted(m.title() for m in members))}",
        found=f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        do='Use one of these, or estimator="implicit", which does not look through the step.',
    )


def _refuse_replaced(optimizer: torch.optim.Optimizer) -> None:
    """Refuse an object whose own `step` stands before its class's; the counter of torch's schedulers is let through."""
    step = vars(optimizer).get("step")
    if step is not None and not hasattr(step, "_wrapped_by_lr_sched"):
        raise UnsupportedError(
            f"The `step` of this {type(optimizer).__name__} has been replaced, so the next step is not known",
            found=getattr(step, "__qualname__", type(step).__qualname__),
            do='Clip in the training loop and give `clip_norm`, or use estimator="implicit", which does not look '
            "through the step.",
        )


@cache
def _members() -> tuple[type[Update], ...]:
    """The whole family, loaded once: finding its files takes as long as a small network's gradient."""
    return tuple(catalogue.load("optimizers", name) for name in catalogue.names("optimizers"))


def why_not(optimizer: torch.optim.Optimizer) -> str | None:
    """Why an optimiser's step has no useful derivative, where that is known from its name or its state."""
    kinds = [kind.__name__.lower() for kind in type(optimizer).__mro__]
    if any("8bit" in kind for kind in kinds) or _in_eight_bits(optimizer):
        return _EIGHT_BITS
    for name, reason in _REASONS.items():
        if any(kind.startswith(name.lower()) or kind.endswith(name.lower()) for kind in kinds):
            return reason
    return None


def _in_eight_bits(optimizer: torch.optim.Optimizer) -> bool:
    kept = (value for state in optimizer.state.values() for value in state.values())
    narrow = (torch.uint8, torch.int8)
    return any(isinstance(value, Tensor) and value.dtype in narrow and value.dim() for value in kept)
