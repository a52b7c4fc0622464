"""torch's optimisers without its compiler, in the processes that auxin starts."""

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.optim.optimizer import (
    Optimizer,
    _global_optimizer_post_hooks,
    _global_optimizer_pre_hooks,
    _use_grad_for_differentiable,
)

from auxin.memory import own_process

_EVERYWHERE = (_global_optimizer_pre_hooks, _global_optimizer_post_hooks)


def spare_compiler() -> None:
    """Let torch's optimisers step without an import of `torch._dynamo`, which takes a second; results stay the same.

    An optimiser of torch tells the compiler where its graph breaks, at its first parameter group and at every step, and
    imports the compiler for that. auxin's own loops compile passes through networks, never an optimiser's step. In the
    process of a command or of a worker these marks are taken off torch's classes, and the profiler's record of a step
    off optimisers without hooks. Nothing is done in other processes, or where the compiler is there already.

    Call it before an optimiser is made.
    """
    if not own_process() or "torch._dynamo" in sys.modules:
        return
    disabled = torch._disable_dynamo(_nothing).__code__  # pyright: ignore[reportPrivateImportUsage]
    breaking = _use_grad_for_differentiable(_nothing).__code__
    for kind in _kinds(Optimizer):
        for name, method in list(vars(kind).items()):
            code = getattr(method, "__code__", None)
            if code is disabled:
                setattr(kind, name, method.__wrapped__)
            elif code is breaking:
                setattr(kind, name, _step(method.__wrapped__))


def _nothing() -> None: ...


def _kinds(kind: type[Optimizer]) -> Iterator[type[Optimizer]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


def _step(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that records gradients only where the optimiser is differentiable, as torch's does; hooks are called."""

    @functools.wraps(step)
    def alone(self: Optimizer, *arguments: Any, **named: Any) -> Any:
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *arguments, **named)

    hooked = Optimizer.profile_hook_step(alone)

    @functools.wraps(step)
    def stepping(self: Optimizer, *arguments: Any, **named: Any) -> Any:
        hooks = (self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks, *_EVERYWHERE)
        return (hooked if any(hooks) else alone)(self, *arguments, **named)

    stepping.hooked = True  # type: ignore[attr-defined]  so that torch does not call the hooks once more
    return stepping
