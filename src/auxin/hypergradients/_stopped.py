"""Whether the training gradient is the gradient of the training loss, which it is not where gradients are stopped.

A target made under `torch.no_grad` or by `detach` is a constant of one training step, and another constant at the next
step: it moves with the parameters. The one-step look-ahead needs no more than that it is a constant. An unroll, and the
curvature of an implicit solver, have to follow the target as well, which no double backward does.
"""

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from auxin.errors import UnsupportedError
from auxin.hypergradients._mixed import at_parameters
from auxin.hypergradients._outer import gradients_of
from auxin.hypergradients._structure import Memory, key_of
from auxin.hypergradients.base import BilevelProblem
from auxin.math.functional import still, under_rng
from auxin.math.graphs import graph_nodes
from auxin.math.params import (
    Vector,
    axpy,
    bare,
    detached,
    dot,
    filled,
    leaves,
    normal_numbers,
    present,
    trainable,
)
from auxin.math.products import check_twice_differentiable, precisely
from auxin.math.tree import detach

WRONG = {torch.float64: 1e-5, torch.float32: 0.5}
"""The relative error above which a difference is not taken for the derivative that it is compared with.

The direction is random; along the one that a step takes the error may be a thousand times larger.
"""

FOLLOWED = {torch.float64: 1e-4, torch.float32: 0.1}
"""The same for derivatives over W, which are compared where rounding is known to be smaller."""

ELEMENTS = 64
"""The most elements of phi for which a backward pass, or a pair of unrolls, is spent on each."""

NOISY = (
    "A finite difference is off by {:.1e} along one direction. Either float32 rounds it away, or the network or a "
    "loss stops gradients (`detach`, `no_grad`), which estimator={!r} does not follow. estimator='lookahead' is exact "
    "in both cases."
)

LOOKS = 3
"""The examinations without a verdict after which a structure is taken as followed; each costs three gradients."""

_MEMORY: Memory[bool] = Memory()
_UNDECIDED: Memory[int] = Memory()


def is_large(problem: BilevelProblem) -> bool:
    """Whether phi has too many elements for a backward pass each, or enters the primary network."""
    return not problem.terminal or sum(x.numel() for x in problem.phi) > ELEMENTS


def refuse_or_warn(dtype: torch.dtype, off: float, estimator: str) -> None:
    """Refuse in float64; warn in float32, where rounding gives such errors too.

    Args:
        dtype: The parameters' precision.
        off: The relative error of the difference.
        estimator: The estimator's name, for the message.

    Raises:
        UnsupportedError: The precision is float64.
    """
    if dtype != torch.float64:
        warnings.warn(NOISY.format(off, estimator), RuntimeWarning, stacklevel=4)
        return
    raise UnsupportedError(
        "The training gradient is not that of the training loss, because the network or a loss stops, scales "
        "or replaces gradients",
        expected="a loss whose differences are its gradient",
        found=f"a difference that is off by {off:.1e}",
        do='Use estimator="lookahead", which follows the training gradient.',
    )


def follows(problem: BilevelProblem, batch: Any) -> tuple[bool, float]:
    """Whether double backward is the derivative of the training gradient over W; examined once for each structure.

    Where rounding or jumps leave no verdict, it is examined again, `LOOKS` times in all.

    First a difference of the loss is compared with its gradient. Where they disagree (a stopped gradient, but also a
    hook that scales gradients), a difference of the gradient is compared with a product with the Hessian. So it is
    where the gradient may be right and its derivative wrong (a `torch.autograd.Function` or a hook that computes it
    from constants), and always in float64.

    Returns:
        The verdict, and the relative error of the product (0 where it was not examined, or where rounding and jumps
        leave no verdict).
    """
    network, key = bare(problem.network), key_of(problem, batch)
    seen = _MEMORY.get(network, key)
    if seen is not None:
        return seen, 0.0
    looks = _UNDECIDED.get(network, key) or 0
    own = detached(list(trainable(problem.network).values()))
    worst = FOLLOWED.get(own[0].dtype) if own else None
    if worst is None or looks == LOOKS or not sum(x.numel() for x in problem.phi):
        return True, 0.0
    with precisely():
        field = _Field(problem, batch, own)
        off = field.loss_off()
        if (off is not None and off > worst) or own[0].dtype == torch.float64 or field.has_own_backward():
            product = field.gradient_off()
            off = off if product is None and (off or 0.0) <= worst else product
    if off is None:
        _UNDECIDED.put(network, key, looks + 1)
        return True, 0.0
    _MEMORY.put(network, key, off <= worst)
    return off <= worst, off


class _HooksSeen(TorchFunctionMode):
    """Notes whether a hook is registered on a tensor."""

    any = False

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.any |= func is Tensor.register_hook
        return func(*args, **(kwargs or {}))


class _Field:
    """The training loss and its gradient around W, with the context constant and one random state.

    Args:
        problem: The two losses.
        batch: The training batch.
        own: W.
    """

    def __init__(self, problem: BilevelProblem, batch: Any, own: Vector) -> None:
        self.problem, self.batch, self.own = problem, batch, own
        self.step = 1e-6 if own[0].dtype == torch.float64 else 1e-3
        with under_rng(None), still(problem.auxiliary), torch.no_grad():
            self.context = None if problem.context is None else detach(problem.context(batch))
        random = torch.Generator().manual_seed(3)
        self.along, self.weight = (
            [x * _size(p) for x, p in zip(normal_numbers(own, random), own, strict=True)] for _ in range(2)
        )

    def has_own_backward(self) -> bool:
        """Whether the network's backward pass has functions written in Python, or hooks on its activations."""
        with _HooksSeen() as seen, at_parameters(self.problem, leaves(self.own), None) as module:
            own = torch.autograd.function.BackwardCFunction
            return any(seen.any or isinstance(node, own) for node in graph_nodes([self._loss(module)]))

    def loss_off(self) -> float | None:
        """How far <grad L_T, q> is from the loss's difference along q."""
        gradient, _ = self._gradient(self.own)
        factor = self.problem.processes
        return self._compared(float(dot(gradient, self.along)), lambda w: factor * self._gradient(w)[1])

    def gradient_off(self) -> float | None:
        """How far <a, H q> is from the difference of <a, grad L_T> along q; None where there is no double backward."""
        try:
            product = self._product()
        except (NotImplementedError, RuntimeError):
            return None
        value = float(dot(product, self.along))
        return self._compared(value, lambda w: float(dot(self._gradient(w)[0], self.weight)))

    def _compared(self, found: float, function: Any) -> float | None:
        """The relative error of a derivative along q; None where rounding or jumps leave no verdict."""
        expected, noise = self._difference(function, self.step)
        scale = max(abs(found), abs(expected))
        if not scale or noise > 0.1 * scale:
            return None
        off = abs(found - expected)
        if off > 0.01 * scale:
            for step in (self.step / 4, 4 * self.step):
                again, noise = self._difference(function, step)
                if abs(again - expected) > max(0.5 * off, noise):
                    return None
        return off / scale

    def _difference(self, function: Any, step: float) -> tuple[float, float]:
        ends = [function(axpy(sign * step, self.along, self.own)) for sign in (1.0, -1.0)]
        rounding = 50 * torch.finfo(self.own[0].dtype).eps * max(map(abs, ends)) / step
        return (ends[0] - ends[1]) / (2 * step), rounding

    def _gradient(self, at: Vector) -> tuple[Vector, float]:
        params, own = leaves(at), list(trainable(self.problem.network).values())
        with at_parameters(self.problem, params, None) as module:
            loss = self._loss(module)
            return filled(gradients_of(loss, params, own), params), float(loss.detach())

    def _product(self) -> Vector:
        """H times the weight, by double backward."""
        params = leaves(self.own)
        with at_parameters(self.problem, params, None) as module:
            grads = torch.autograd.grad(self._loss(module), params, create_graph=True, allow_unused=True)
            found, weight = present(grads, self.weight)
            check_twice_differentiable(found)
            pairing = dot(found, weight)
            if not pairing.requires_grad:
                return [torch.zeros_like(p) for p in params]
            return filled(torch.autograd.grad(pairing, params, allow_unused=True), params)

    def _loss(self, module: torch.nn.Module) -> Tensor:
        signals = module(*self.problem.inputs(self.batch))
        return self.problem.training_loss(signals, self.batch, self.context)


def _size(x: Tensor) -> float:
    """The root of the mean square; 1 where that is 0."""
    return float(torch.linalg.vector_norm(x) / max(1, x.numel()) ** 0.5) or 1.0
