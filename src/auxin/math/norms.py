"""Batch and layer norm in forward mode, by torch's fused kernels; what they are made of by hand.

The Jacobian of a normalisation in its input is symmetric, so its backward kernel is its forward mode.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn

Forward = Callable[[Tensor], Tensor]

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def batch_statistics(x: Tensor, y: Tensor) -> Tensor | None:
    """The mean and the inverse deviation by which torch's kernel on a CPU made y of x, where its graph holds them."""
    if type(y.grad_fn).__name__ != "NativeBatchNormBackward0":
        return None
    mean, scale = y.grad_fn._saved_result1, y.grad_fn._saved_result2  # pyright: ignore
    return torch.stack((mean, scale)) if mean.numel() and mean.dtype == x.dtype else None


def normalised(x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, scale: Tensor) -> Tensor:
    """Batch norm by a given mean and inverse deviation."""
    return torch.native_batch_norm(x, weight, bias, mean, scale.pow(-2), False, 0.0, 0.0)[0]


def batch_norm(module: Any, kept: Callable[[torch.dtype], Tensor | None]) -> Forward:
    """A batch norm's `forward` in forward mode.

    Args:
        module: The layer.
        kept: What returns the mean and the inverse deviation of this call, by the input's type, where they are known.
    """
    own = module.forward

    def forward(x: Tensor) -> Tensor:
        if transformed() or x.requires_grad:
            return own(x)
        found = kept(x.dtype)
        (primal, tangent), (weight, weight_tangent) = parts(x), parts(module.weight)
        bias, bias_tangent = parts(module.bias)
        statistics = module.training or module.running_mean is None
        if not statistics or weight is None or tangent is None or not torch._C._is_fwd_grad_enabled():
            return own(x)
        module._check_input_dim(x)
        if found is None:
            y, mean, scale = torch.native_batch_norm(primal, weight, bias, None, None, True, 0.0, module.eps)
        else:
            mean, scale = found
            y = normalised(primal, weight, bias, mean, scale)
        if module.training and module.running_mean is not None:
            _move_statistics(module, mean, scale, primal.numel() // primal.shape[1])
        slope = torch.ops.aten.native_batch_norm_backward(
            tangent, primal, weight, None, None, mean, scale, True, module.eps, [True, False, False]
        )[0]
        if weight_tangent is not None:
            slope += normalised(primal, weight_tangent, bias_tangent, mean, scale)
        elif bias_tangent is not None:
            slope += bias_tangent.view(-1, *[1] * (primal.dim() - 2))
        return forward_ad.make_dual(y, slope)

    return forward


def _move_statistics(module: Any, mean: Tensor, scale: Tensor, count: int) -> None:
    """The running statistics move as in the layer's own forward pass: the network or a loss may read them."""
    factor = module.momentum
    if module.num_batches_tracked is not None:
        module.num_batches_tracked.add_(1)
        factor = module.num_batches_tracked.to(mean).reciprocal() if factor is None else factor
    variance = scale.pow(-2).sub_(module.eps).mul_(count / max(1, count - 1))
    for running, value in ((module.running_mean, mean), (module.running_var, variance)):
        running.lerp_(value.to(running.dtype), 0.0 if factor is None else factor)


def layer_norm(module: Any) -> Forward:
    """A layer norm's `forward` in forward mode."""
    own = module.forward

    def forward(x: Tensor) -> Tensor:
        if transformed() or x.requires_grad:
            return own(x)
        (primal, tangent), (weight, weight_tangent) = parts(x), parts(module.weight)
        bias, bias_tangent = parts(module.bias)
        if weight is None or tangent is None or not torch._C._is_fwd_grad_enabled():
            return own(x)
        shape = module.normalized_shape
        y, mean, scale = torch.native_layer_norm(primal, shape, weight, bias, module.eps)
        slope = torch.ops.aten.native_layer_norm_backward(
            tangent, primal, shape, mean, scale, None, None, [True, False, False]
        )[0]
        slope = slope * weight
        if weight_tangent is not None:
            slope += torch.native_layer_norm(primal, shape, weight_tangent, bias_tangent, module.eps)[0]
        elif bias_tangent is not None:
            slope += bias_tangent
        return forward_ad.make_dual(y, slope)

    return forward


def transformed() -> bool:
    """Whether a call is inside `torch.func.vmap` or `torch.func.grad`, whose tensors mean nothing outside.

    In forward mode an input that requires a gradient shows a network that takes a gradient of its own (a force, a
    differential equation's residual): there a product that is taken over would have no path to it.
    """
    return torch._C._functorch.peek_interpreter_stack() is not None  # pyright: ignore[reportAttributeAccessIssue]


def parts(x: Tensor | None) -> tuple[Any, Tensor | None]:
    """A tensor and its tangent, None where it has none."""
    if x is None:
        return None, None
    return forward_ad.unpack_dual(x)
