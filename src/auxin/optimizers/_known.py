"""Which member reproduces an optimiser, and why some optimisers cannot be looked through."""

from functools import cache

import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import UnsupportedError
from auxin.optimizers.base import Update

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
        UnsupportedError: There is none for exactly its class, its step has no useful derivative, or two of its
            tensors lie in memory such that its step is another than its formula.
    """
    _refuse_replaced(optimizer)
    _refuse_two_over_one(optimizer)
    _refuse_fused_over_two_formats(optimizer)
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


def _refuse_two_over_one(optimizer: torch.optim.Optimizer) -> None:
    """Refuse two parameters over one memory, which a step moves twice."""
    known: dict[tuple[torch.device, int], Tensor] = {}
    for p in (p for group in optimizer.param_groups for p in group["params"]):
        if type(p) not in (Tensor, torch.nn.Parameter) or p.is_meta or not p.numel():
            continue
        if known.setdefault((p.device, p.data_ptr()), p) is not p:
            raise UnsupportedError(
                "Two parameters of the optimiser lie at the same place in memory, so each step moves it twice",
                expected="tied weights as one parameter under two names",
                found=f"two parameters of shape {list(p.shape)}",
                do="Tie them again (head.weight = embedding.weight) before the optimiser is made: "
                "load_state_dict(assign=True) unties weights.",
            )


def _refuse_fused_over_two_formats(optimizer: torch.optim.Optimizer) -> None:
    """Refuse a fused step on a CPU over tensors of two memory formats: it pairs numbers by their place in memory."""
    for group in optimizer.param_groups:
        for p in group["params"] if group.get("fused") else ():
            beside = (p.grad, *optimizer.state.get(p, {}).values())
            if p.device.type == "cpu" and any(_lies_otherwise(one, p) for one in beside):
                raise UnsupportedError(
                    f"The fused step of {type(optimizer).__name__} pairs numbers by their place in memory "
                    "(PyTorch 2.13), and here they lie in two orders",
                    expected="the parameter, its gradient and the optimiser's state in one memory format",
                    found=f"a parameter of shape {list(p.shape)} with strides {list(p.stride())}, and others beside it",
                    do="Leave out fused=True, or change the memory format before the optimiser's first step.",
                )


def _lies_otherwise(one: object, p: Tensor) -> bool:
    if not isinstance(one, Tensor) or one.shape != p.shape:
        return False
    pairs = zip(one.stride(), p.stride(), p.shape, strict=True)
    return any(a != b for a, b, size in pairs if size > 1)


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
