"""Forward mode that computes nothing twice: matrix products are taken over from the gradient's own forward pass.

Torch's forward mode of a linear layer or a convolution computes y = x W together with y' = x' W + x W', three products
where two are needed if y is known, and the look-ahead knows it: the gradient at W was taken on the same batch under the
same random state. Batch and layer norm's tangents take torch's fused kernels (`auxin.math.norms`).

A pass under `recording` keeps the outputs of linear layers and convolutions; a pass under `replaying` uses them, in
the order of the calls. Dropout masks are kept too, one byte per entry, because drawing them again costs as much as many
a product. Modules of exactly torch's own classes take part; everything else is left to torch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.math.factored import along
from auxin.math.norms import (
    BATCH_NORMS,
    Forward,
    batch_norm,
    batch_statistics,
    layer_norm,
    parts,
    transformed,
)
from auxin.math.params import walk
from auxin.math.rng import Rng, restore_rng, save_rng
from auxin.math.row_blocks import Conv2d

Factors = Mapping[int, tuple[Tensor, Tensor]]
_NONE: Factors = {}


@dataclass(frozen=True, eq=False)
class KeptProduct:
    """The result of one module's call.

    Attributes:
        module: The module.
        value: Output of a linear layer or a convolution, the mean and the inverse deviation of a batch norm, or the
            entries that a dropout kept; None once it is used.
        version: The value's version then (a later one means that it was written to afterwards), -1 if it is unusable.
        after: Random state after the call, where it drew a mask.
    """

    module: nn.Module
    value: Tensor | None
    version: int
    after: Rng | None = None


@dataclass(eq=False)
class Products:
    """The outputs of a forward pass's linear layers and convolutions, its batch norms' statistics, its dropout masks.

    Attributes:
        kept: The results, in the order of the calls.
        open: Whether the forward pass is under way; a call after it recomputes a checkpoint.
    """

    kept: list[KeptProduct] = field(default_factory=list)
    open: bool = True
    _place: int = 0

    def add(self, module: nn.Module, value: Tensor | None, after: Rng | None = None) -> None:
        """Keep a result (None: one without use); all are dropped where checkpointing shows that memory is short."""
        if not self.open:
            self.kept.clear()
        elif value is None or value.is_inference():
            self.kept.append(KeptProduct(module, None, -1, after))
        else:
            self.kept.append(KeptProduct(module, value.detach(), value._version, after))

    def close(self, room: bool = False) -> None:
        """End the forward pass; without room, drop the convolutions' outputs that take the most memory for their time.

        An entry of an output costs as many products as the weight has columns. Convolutions whose entries cost less
        than 5/4 of the mean are dropped: the first ones of a network, which have large outputs and few channels. On
        VGG-16 they are three quarters of the memory and two fifths of the products.
        """
        self.open = False
        if room:
            return
        outputs = [
            (i, kept.value, kept.module.weight[0].numel())  # type: ignore[index,union-attr]
            for i, kept in enumerate(self.kept)
            if type(kept.module) in PRODUCTS
        ]
        sizes = [(i, value.numel(), columns) for i, value, columns in outputs if value is not None]
        entries, work = sum(n for _, n, _ in sizes), sum(n * columns for _, n, columns in sizes)
        for i, _, columns in sizes:
            module = self.kept[i].module
            if type(module) is not nn.Linear and 4 * columns * entries < 5 * work:
                self.kept[i] = KeptProduct(module, None, -1)

    def take(self, module: nn.Module, dtype: torch.dtype) -> KeptProduct | None:
        """The result of this call, if it is the one that was kept here and nobody has written to it."""
        if self._place >= len(self.kept) or self.kept[self._place].module is not module:
            return None
        found = self.kept[self._place]
        self.kept[self._place] = KeptProduct(module, None, -1)  # let go of the memory
        self._place += 1
        value = found.value
        usable = value is not None and value._version == found.version and value.dtype == dtype
        return found if usable else None


@contextmanager
def recording(network: nn.Module) -> Iterator[Products]:
    """Within, the network's products are kept; `close()` them when the forward pass is done."""
    products = Products()

    def keep(module: nn.Module, own: Forward, kept: Callable[[Tensor, Tensor], Tensor | None]) -> Forward:
        def forward(x: Tensor) -> Tensor:
            y = own(x)
            if not transformed():
                products.add(module, kept(x, y))
            return y

        return forward

    def record(module: nn.Module) -> Forward | None:
        if type(module) in PRODUCTS:
            return keep(module, module.forward, lambda x, y: y)
        if type(module) in BATCH_NORMS:
            return keep(module, module.forward, batch_statistics)
        return _dropout(module, products, keep=True) if type(module) is nn.Dropout else None

    with replaced(walk(network).modules, record):
        yield products


@contextmanager
def replaying(network: nn.Module, products: Products | None, factors: Factors = _NONE) -> Iterator[None]:
    """Within, a pass in forward mode takes the products that were kept, and norms take fused kernels.

    Args:
        network: The network, with its duals in place.
        products: What was kept.
        factors: X and D of linear layers' tangents, by the id of the weight.
    """

    def statistics(module: nn.Module, dtype: torch.dtype) -> Tensor | None:
        found = None if products is None else products.take(module, dtype)
        return None if found is None else found.value

    def replay(module: nn.Module) -> Forward | None:
        if type(module) in PRODUCTS:
            return _product(module, products, factors)
        if type(module) is nn.Dropout:
            return _dropout(module, products)
        if type(module) in BATCH_NORMS:
            return batch_norm(module, partial(statistics, module))
        return layer_norm(module) if type(module) is nn.LayerNorm else None

    with replaced(walk(network).modules, replay):
        yield


def _dropout(module: nn.Dropout, products: Products | None, keep: bool = False) -> Forward:
    """Dropout as a product with its mask, drawn as the layer draws it; torch's own tangent is decomposed in Python.

    Args:
        module: The layer.
        products: Where masks are kept.
        keep: Whether to draw masks and keep them, and not to take them.
    """
    own = module.forward

    def sampled_mask(like: Tensor) -> Tensor:
        if like.device.type == "cpu":  # what the layer does there, in two passes over memory fewer
            mask = torch.empty_like(like).bernoulli_(1 - module.p).div_(1 - module.p)
        else:
            mask = F.dropout(torch.ones_like(like), module.p, True)
        if keep and products is not None:
            products.add(module, mask.bool(), save_rng())
        return mask

    def taken(like: Tensor) -> Tensor | None:
        found = None if keep or products is None else products.take(module, torch.bool)
        if found is None or found.value is None or found.after is None:
            return None
        restore_rng(found.after)  # what draws next begins where it began in the pass that was recorded
        return (
            found.value.view(torch.uint8).to(like.dtype).div_(1 - module.p)
        )  # bytes convert faster than bools

    def forward(x: Tensor) -> Tensor:
        if (
            not module.training
            or not 0 < module.p < 1
            or module.inplace
            or transformed()
            or (not keep and x.requires_grad)
        ):
            return own(x)
        primal, tangent = (x, None) if keep else parts(x)
        mask = taken(primal)
        mask = sampled_mask(primal) if mask is None else mask
        if tangent is None or not torch._C._is_fwd_grad_enabled():
            return primal * mask
        return forward_ad.make_dual(primal * mask, mask.mul_(tangent))

    return forward


def _convolution(module: Any) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    return lambda x, weight, bias: module._conv_forward(x, weight, bias)


PRODUCTS: dict[type[nn.Module], Any] = {
    nn.Linear: lambda module: F.linear,
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    Conv2d: _convolution,
    nn.Conv3d: _convolution,
}


def _product(module: Any, products: Products | None, factors: Factors) -> Forward:
    own, multiply = module.forward, PRODUCTS[type(module)](module)

    def forward(x: Tensor) -> Tensor:
        if transformed() or x.requires_grad:
            return own(x)
        (primal, tangent), (weight, weight_tangent) = parts(x), parts(module.weight)
        bias, bias_tangent = parts(module.bias)
        found = None if products is None else products.take(module, primal.dtype)
        y = None if found is None else found.value
        if y is None:
            y = multiply(primal, weight, bias)
        if not torch._C._is_fwd_grad_enabled():
            return y
        slope = None
        if id(module.weight) in factors:
            slope = along(primal, *factors[id(module.weight)], bias_tangent)
        elif weight_tangent is not None:
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


@contextmanager
def replaced(
    modules: Iterable[nn.Module], replacement: Callable[[nn.Module], Forward | None]
) -> Iterator[None]:
    """Within, some modules have another `forward`; modules that have one of their own already are left."""
    changed = []
    try:
        for module in modules:
            if "forward" not in module.__dict__ and (new := replacement(module)) is not None:
                module.__dict__["forward"] = new
                changed.append(module)
        yield
    finally:
        for module in changed:
            del module.__dict__["forward"]
