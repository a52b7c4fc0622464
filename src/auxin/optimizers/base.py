"""The contract of an optimiser's update U: one optimiser step as a pure, differentiable function.

The one-step look-ahead needs W+ = U(W, g) and the vector-Jacobian product (dU/dg)^T v. Both come from writing
the optimiser's own update as a function of the gradients; a member is checked bitwise
against `optimizer.step()`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from auxin.math.deferred import traced

State = Mapping[str, Any]
"""An optimiser's state of one parameter, as in `optimizer.state[p]`; empty before the first step."""

Group = Mapping[str, Any]
"""The settings of an optimiser's parameter group, as in `optimizer.param_groups`."""

Stepped = tuple[Tensor, State]
"""A parameter and its state after a step."""


class Update(ABC):
    """The next step of one optimiser, as a function of the gradients alone.

    An `Update` reads an optimiser's hyperparameters and state (momentum, moments, step counts) and never
    changes them.

    Attributes:
        handles: The class that this update reproduces (exactly that class, not its subclasses); of a package that
            need not be installed, the class's full name.
        linear: Whether W+ is a number times g beside what does not depend on g. Then `pull` multiplies a cotangent of
            any shape by that number and reads no value of g, whose memory is free after the step.
    """

    handles: ClassVar[type[torch.optim.Optimizer] | str]
    linear: ClassVar[bool] = False

    @classmethod
    def fits(cls, optimizer: object) -> bool:
        """Whether the optimiser is of exactly the class that this update reproduces."""
        kind = type(optimizer)
        full = f"{kind.__module__}.{kind.__qualname__}"
        return full == cls.handles if isinstance(cls.handles, str) else kind is cls.handles

    @classmethod
    def title(cls) -> str:
        """The name of the class that this update reproduces, for messages."""
        return cls.handles.rpartition(".")[2] if isinstance(cls.handles, str) else cls.handles.__name__

    @abstractmethod
    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """The parameter and its state after one step, differentiable in gradient, parameter and state.

        Args:
            param: One parameter, any shape.
            grad: Gradient of the parameter, the same shape.
            group: The hyperparameters of its group, as in `optimizer.param_groups`.
            state: State of the parameter.
        """

    def step(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Tensor:
        """The parameter after one step, a constant, bit for bit the optimiser's own. Members may make it cheaper."""
        with torch.no_grad():
            return self.advance(param, grad, group, state)[0]

    def pull(self, param: Tensor, grad: Tensor, group: Group, state: State, cotangent: Tensor) -> Tensor:
        """(dU/dg)^T times a cotangent of the parameter, a constant. Members may write their own derivative."""
        at = grad.detach().requires_grad_()
        with torch.enable_grad():
            after = self.advance(param, at, group, state)[0]
        return pulled(after, at, cotangent)

    def __call__(
        self,
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        group: Group,
        states: Sequence[State],
    ) -> list[Tensor]:
        """W+ = U(W, g) for one parameter group, differentiable in g (and in W)."""
        return [self.advance(p, g, group, s)[0] for p, g, s in zip(params, grads, states, strict=True)]

    def step_size(self, group: Group) -> float:
        """The group's own step size, by which `scale="unit"` divides."""
        return group["lr"] if traced() else float(group["lr"])


def pulled(after: Tensor, at: Tensor, cotangent: Tensor) -> Tensor:
    """The pullback of a cotangent of `after` to `at`, a constant; zero where there is no path."""
    if not after.requires_grad:
        return torch.zeros_like(at)
    return torch.autograd.grad(after, at, cotangent, allow_unused=True, materialize_grads=True)[0]


CONTRACT = Update
