"""Forward mode that computes nothing twice: matrix products are taken over from the gradient's own forward pass.

Torch's forward mode of a linear layer or a convolution computes y = x W together with y' = x' W + x W', three products
where two are needed if y is known, and the look-ahead knows it: the gradient at W was taken on the same batch under the
same random state. Batch and layer norm's tangents take torch's fused kernels: the Jacobian of a normalisation in its
input is symmetric, so its backward kernel is its forward mode.

A pass under `recording` keeps the outputs of linear layers and convolutions; a pass under `replaying` uses them, in
the order of the calls. Modules of exactly torch's own classes take part; everything else is left to torch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.nn import functional as F

Forward = Callable[[Tensor], Tensor]


@dataclass(eq=False)
class Products:
    """The outputs of a forward pass's linear layers and convolutions.

    Attributes:
        kept: (module, output, its version), in the order of the calls; a changed version says that the output was
            written to afterwards.
        open: Whether the forward pass is under way; a call after it recomputes a checkpoint.
    """

    kept: list[tuple[nn.Module, Tensor, int]] = field(default_factory=list)
    open: bool = True
    _place: int = 0

    def add(self, module: nn.Module, output: Tensor) -> None:
        """Keep an output; all are dropped where checkpointing shows that memory is short."""
        if output.is_inference():
            self.kept.append((module, output, -1))
        elif self.open:
            self.kept.append((module, output.detach(), output._version))
        else:
            self.kept.clear()

    def take(self, module: nn.Module, like: Tensor) -> Tensor | None:
        """The output of this call, if it is the one that was kept here and nobody has written to it."""
        if self._place >= len(self.kept) or self.kept[self._place][0] is not module:
            return None
        _, output, version = self.kept[self._place]
        self.kept[self._place] = (module, like, -1)  # let go of the memory
        self._place += 1
        usable = version >= 0 and output._version == version and output.dtype == like.dtype
        return output if usable else None


@contextmanager
def recording(network: nn.Module) -> Iterator[Products]:
    """Within, the network's products are kept; close them (`open = False`) when the forward pass is done."""
    products = Products()

    def keep(module: nn.Module, own: Forward) -> Forward:
        def forward(x: Tensor) -> Tensor:
            y = own(x)
            products.add(module, y)
            return y

        return forward

    with _forwards(network, lambda m: keep(m, m.forward) if type(m) in PRODUCTS else None):
        yield products


@contextmanager
def replaying(network: nn.Module, products: Products | None) -> Iterator[None]:
    """Within, a pass in forward mode takes the products that were kept, and norms take fused kernels."""

    def replay(module: nn.Module) -> Forward | None:
        if type(module) in PRODUCTS and products is not None:
            return _product(module, products)
        if type(module) is nn.Dropout:
            return _dropout(module)
        if type(module) in NORMS:
            return (
                _batch_norm(module)
                if isinstance(module, nn.modules.batchnorm._BatchNorm)
                else _layer_norm(module)
            )
        return None

    with _forwards(network, replay):
        yield


def _dropout(module: nn.Dropout) -> Forward:
    """Dropout as a product with its mask, drawn as the layer draws it; torch's own tangent is decomposed in Python."""
    own = module.forward

    def forward(x: Tensor) -> Tensor:
        if not module.training or not 0 < module.p < 1 or module.inplace:
            return own(x)
        primal, tangent = parts(x)
        mask = F.dropout(torch.ones_like(primal), module.p, True)
        if tangent is None or not torch._C._is_fwd_grad_enabled():
            return primal * mask
        return forward_ad.make_dual(primal * mask, mask.mul_(tangent))

    return forward


def _linear(module: Any) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    del module
    return F.linear


def _convolution(module: Any) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    return lambda x, weight, bias: module._conv_forward(x, weight, bias)


PRODUCTS: dict[type[nn.Module], Any] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.Conv3d: _convolution,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm)


def _product(module: Any, products: Products) -> Forward:
    own, multiply = module.forward, PRODUCTS[type(module)](module)

    def forward(x: Tensor) -> Tensor:
        (primal, tangent), (weight, weight_tangent) = parts(x), parts(module.weight)
        _, bias_tangent = parts(module.bias)
        y = products.take(module, primal)
        if y is None:
            return own(x)
        if not torch._C._is_fwd_grad_enabled():
            return y
        slope = None
        if weight_tangent is not None:
            slope = multiply(primal, weight_tangent, bias_tangent)
        elif bias_tangent is not None:
            slope = multiply(primal, torch.zeros_like(weight), bias_tangent)
        if tangent is not None:
            slope = _added(slope, tangent, weight, multiply)
        return y if slope is None else forward_ad.make_dual(y, slope)

    return forward


def _added(
    slope: Tensor | None,
    tangent: Tensor,
    weight: Tensor,
    multiply: Callable[[Tensor, Tensor, Tensor | None], Tensor],
) -> Tensor:
    """slope + tangent W; for a linear layer added up inside the product."""
    if slope is None:
        return multiply(tangent, weight, None)
    if multiply is F.linear and slope.is_contiguous():
        slope.view(-1, slope.shape[-1]).addmm_(tangent.reshape(-1, tangent.shape[-1]), weight.t())
        return slope
    return slope.add_(multiply(tangent, weight, None))


def _batch_norm(module: Any) -> Forward:
    own = module.forward

    def forward(x: Tensor) -> Tensor:
        (primal, tangent), (weight, weight_tangent) = parts(x), parts(module.weight)
        bias, bias_tangent = parts(module.bias)
        statistics = module.training or module.running_mean is None
        if not statistics or weight is None or tangent is None or not torch._C._is_fwd_grad_enabled():
            return own(x)
        module._check_input_dim(x)
        y, mean, scale = torch.native_batch_norm(primal, weight, bias, None, None, True, 0.0, module.eps)
        slope = torch.ops.aten.native_batch_norm_backward(
            tangent, primal, weight, None, None, mean, scale, True, module.eps, [True, False, False]
        )[0]
        if weight_tangent is not None:
            slope += torch.native_batch_norm(
                primal, weight_tangent, bias_tangent, None, None, True, 0.0, module.eps
            )[0]
        elif bias_tangent is not None:
            slope += bias_tangent.view(-1, *[1] * (primal.dim() - 2))
        return forward_ad.make_dual(y, slope)

    return forward


def _layer_norm(module: Any) -> Forward:
    own = module.forward

    def forward(x: Tensor) -> Tensor:
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


def parts(x: Tensor | None) -> tuple[Any, Tensor | None]:
    """A tensor and its tangent, None where it has none."""
    if x is None:
        return None, None
    return forward_ad.unpack_dual(x)


@contextmanager
def _forwards(network: nn.Module, replacement: Callable[[nn.Module], Forward | None]) -> Iterator[None]:
    """Within, some modules have another `forward`; modules that have one of their own already are left."""
    changed = []
    try:
        for module in network.modules():
            if "forward" not in module.__dict__ and (new := replacement(module)) is not None:
                module.__dict__["forward"] = new
                changed.append(module)
        yield
    finally:
        for module in changed:
            del module.__dict__["forward"]
