"""Whether forward mode is the transpose of the backward pass, which PyTorch does not keep for every operation."""

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from auxin.errors import UnsupportedError
from auxin.math.params import Vector, dot
from auxin.math.tree import tensors
from auxin.typing import Signals

TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
"""The relative difference that rounding may make on a CPU (VGG-16 in float32: 1e-6); 0.2 in any lower precision."""

TENSOR_CORES = 1e-2
"""The same on an accelerator, whose convolutions take ten bits of a float32."""

_SEEN: WeakKeyDictionary[nn.Module, set[bool]] = WeakKeyDictionary()


def unseen(network: nn.Module) -> bool:
    """Whether the network has not been found right yet in its present mode (training or evaluation).

    >>> unseen(nn.Linear(1, 1))
    True
    """
    return network.training not in _SEEN.get(network, set())


def check(
    network: nn.Module,
    at: Vector,
    ends: Sequence[Tensor],
    tangent: Callable[[Vector], tuple[Signals, Signals]],
) -> None:
    """Compare <u, J v> by forward mode with <J^T u, v> by the backward pass; remember the network if they agree.

    In PyTorch 2.13 forward mode is silently wrong for `scatter_reduce` with "prod" (`findings/`), among others. The
    random u and v are the same at every call, and no random state is touched.

    Args:
        network: Primary network.
        at: The parameters from which the outputs were computed.
        ends: The outputs, on a graph, which is kept.
        tangent: v to the outputs and J v, by forward mode.

    Raises:
        UnsupportedError: They differ by more than rounding.
    """
    u, v = _random(ends, 0), _random(at, 1)
    slope = tensors(tangent(v)[1])
    live = [place for place, end in enumerate(ends) if end.requires_grad]
    if not live:
        return
    outputs, weights = [ends[place] for place in live], [u[place] for place in live]
    back = torch.autograd.grad(
        outputs, at, weights, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    left, right = float(dot(u, slope)), float(dot(back, v))
    count = max(1, sum(one.numel() for one in u))
    usual = (float(dot(slope, slope)) * float(dot(u, u)) / count) ** 0.5
    off = abs(left - right) / max(usual, abs(left), abs(right), 1e-30)
    tolerance = TOLERANCE.get(at[0].dtype, 0.2)
    if off > (tolerance if at[0].device.type == "cpu" else max(tolerance, TENSOR_CORES)):
        raise UnsupportedError(
            "Forward mode and the backward pass of the network have different derivatives",
            found=f"<u, J v> and <J'u, v> differ by {off:.1e} of their size: the forward mode of an operation is "
            "wrong (such as scatter_reduce with 'prod'), or a hook changes gradients",
            do="Use a solver on Hessian products (conjugate_gradient, neumann) instead of Gauss-Newton curvature",
        )
    _SEEN.setdefault(network, set()).add(network.training)


def _random(like: Sequence[Tensor], seed: int) -> Vector:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(one.shape, generator=generator).to(one) for one in like]
