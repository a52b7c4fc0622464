"""Hooks between a gradient and the optimiser's step: applied where they are functions of the gradient, else refused.

`Tensor.register_hook` on a parameter makes one gradient of another, and the look-ahead makes the same of it and of its
derivative. A post-accumulate hook and an optimiser's step hooks work on the parameters themselves and on the
optimiser: what they do cannot be asked without doing it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from auxin.errors import UnsupportedError
from auxin.math.rng import under_rng
from auxin.optimizers.base import pulled

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-2}
"""How far a hook's derivative may be from a central difference; 0.1 in lower precision."""


def name_of(hook: Any) -> str:
    """A hook's name for a message."""
    return getattr(hook, "__qualname__", type(hook).__qualname__)


def through_hooks(parameter: Tensor, grad: Tensor) -> Tensor:
    """The gradient that the parameter's hooks leave, differentiable in the one that autograd computed.

    Hooks that only look on are left out: torch's own over several tensors (`register_multi_grad_hook`), and those that
    say so.

    Raises:
        UnsupportedError: A hook fails, as one may that asks for the present backward pass.
    """
    for hook in list((parameter._backward_hooks or {}).values()):
        if getattr(hook, "observes_only", False) or getattr(hook, "__module__", "") == "torch.autograd.graph":
            continue
        given = grad.clone()  # a hook may write into what it is given
        try:
            found = hook(given)
        except Exception as error:
            raise UnsupportedError(
                "A gradient hook on a parameter fails outside a backward pass, so it cannot be looked through",
                expected="a function of the gradient",
                found=f"{name_of(hook)}: {type(error).__name__}: {error}",
                do="Set `observes_only = True` on the hook if it changes no gradient.",
            ) from error
        grad = given if found is None else found
    return grad


def refuse_hooks(optimizers: Sequence[Any], parameters: Sequence[Tensor]) -> None:
    """Refuse hooks that cannot be looked through.

    A hook that only looks on (logging, a moving average of the weights) may say so: `hook.observes_only = True`.

    Raises:
        UnsupportedError: A post-accumulate hook on a parameter, or a step hook on the optimiser.
    """
    for number, parameter in enumerate(parameters):
        _refuse(
            (getattr(parameter, "_post_accumulate_grad_hooks", None) or {}).values(),
            f"a post-accumulate-grad hook on parameter {number} of shape {tuple(parameter.shape)}",
            "Use `parameter.register_hook`, which is looked through",
        )
    pre = [hook for each in optimizers for hook in getattr(each, "_optimizer_step_pre_hooks", {}).values()]
    post = [hook for each in optimizers for hook in getattr(each, "_optimizer_step_post_hooks", {}).values()]
    pre += _global_optimizer_pre_hooks.values()
    post += _global_optimizer_post_hooks.values()
    clip = "Clip in the training loop and give `clip_norm` or `clip_value`; mask by `parameter.register_hook`"
    _refuse(pre, "an optimiser's step pre-hook", clip)
    _refuse(
        post,
        "an optimiser's step post-hook",
        "Change the weights outside the optimiser's step, or not at all",
    )


def _refuse(hooks: Any, what: str, instead: str) -> None:
    for hook in hooks:
        if not getattr(hook, "observes_only", False):
            raise UnsupportedError(
                f"The optimiser's next step cannot be looked through: {what} may change it",
                found=name_of(hook),
                do=f"{instead}; or set `observes_only = True` on the hook if it changes neither gradients nor "
                'weights; or use estimator="implicit", which does not look at the step.',
            )


def check_hooks(parameters: Sequence[Tensor], grads: Sequence[Tensor | None]) -> None:
    """Compare the derivative of every hooked parameter's hooks with a central difference.

    Raises:
        UnsupportedError: They differ (a hook that detaches, writes to `.data`, or rounds).
    """
    random = torch.Generator().manual_seed(0)
    for number, (parameter, grad) in enumerate(zip(parameters, grads, strict=True)):
        if grad is None or not parameter._backward_hooks:
            continue
        size = float(torch.linalg.vector_norm(grad) / grad.numel() ** 0.5) or 1.0
        along, across = (
            torch.randn(grad.shape, generator=random, dtype=torch.float32).to(grad) for _ in range(2)
        )
        step = size * (1e-5 if grad.dtype == torch.float64 else 1e-2)
        with under_rng(None):
            at = grad.detach().clone().requires_grad_()
            with torch.enable_grad():
                after = through_hooks(parameter, at)
            slope = pulled(after, at, across)
        ends = []
        for sign in (1.0, -1.0):
            with under_rng(None), torch.no_grad():
                ends.append((through_hooks(parameter, grad + sign * step * along) * across).sum())
        difference, derivative = float(ends[0] - ends[1]) / (2 * step), float((slope * along).sum())
        scale = max(abs(difference), float(torch.linalg.vector_norm(slope * along)), 1e-30)
        if abs(difference - derivative) > TOLERANCE.get(grad.dtype, 0.1) * scale:
            names = ", ".join(name_of(h) for h in parameter._backward_hooks.values())
            raise UnsupportedError(
                f"A gradient hook on parameter {number} of shape {tuple(parameter.shape)} cannot be looked through",
                expected="a function of the gradient, without detach, `.data` or `torch.no_grad`",
                found=names,
                do='Write it so, or use estimator="implicit", which does not look at the step.',
            )
