"""Graphs that keep one feature map per layer and not two: outputs of batch norm and ReLU are made again when needed.

A convolution, a batch norm and a ReLU keep for their backward passes the norm's input and the ReLU's output, which the
next layer keeps too. The output follows from the input and the batch's statistics at the price of two elementwise
passes, some hundredths of a convolution.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from auxin.math.code_names import keeps_nothing
from auxin.math.deferred import traced
from auxin.math.norms import BATCH_NORMS, Forward, batch_statistics, normalised, transformed
from auxin.math.tangents import replaced


@dataclass(eq=False)
class Again:
    """An output of batch norm, or of a ReLU on it, from the norm's input.

    Attributes:
        kept: The norm's input, weight and bias.
        statistics: Mean and inverse deviation, [2, C].
        rectified: Whether it is the ReLU's.
        readers: How many operations have kept it.
    """

    kept: list[tuple[Tensor | None, int]]
    statistics: Tensor
    rectified: bool = False
    readers: int = 0
    _value: Tensor | None = field(default=None, repr=False)
    _read: int = 0

    def value(self) -> Tensor:
        """The output; it is held until every reader has had it."""
        if self._value is None:
            x, weight, bias = (unpacked(kept) for kept in self.kept)
            with torch.no_grad():
                self._value = normalised(x, weight, bias, *self.statistics)
                if self.rectified:
                    torch.relu_(self._value)
        found, self._read = self._value, self._read + 1
        if self._read >= self.readers:
            self._value, self._read = None, 0
        return found


@dataclass(eq=False)
class _Pass:
    """What a forward pass keeps: the last output that can be made again with its version, and a ReLU's coming one."""

    last: tuple[Tensor, int, Again] | None = None
    coming: Again | None = None

    def batch_norm(self, module: Any, own: Forward) -> Forward:
        def forward(x: Tensor) -> Tensor:
            y = own(x)
            found = batch_statistics(x, y)
            kept = [
                (None, 0) if t is None else (t.detach(), t._version) for t in (x, module.weight, module.bias)
            ]
            self.last = None if found is None else (y, y._version, Again(kept, found))
            return y

        return forward

    def relu(self, own: Forward) -> Forward:
        def forward(x: Tensor) -> Tensor:
            before = self._made(x)[0] if self.last is not None and self.last[0] is x else None
            if before is None or before.rectified:
                return own(x)
            self.coming = again = Again(before.kept, before.statistics, rectified=True)
            try:
                y = own(x)
            finally:
                self.coming = None
            self.last = (y, y._version, again)
            return y

        return forward

    def pack(self, tensor: Tensor) -> Any:
        """What is kept in the place of a tensor: itself with its version, or how it is made again with its rows."""
        again, rows = (self.coming, slice(None)) if self.coming is not None else self._made(tensor)
        if again is None:
            return tensor, tensor._version
        again.readers += 1
        return again, rows

    def _made(self, tensor: Tensor) -> tuple[Again | None, slice]:
        """How this tensor is made again, if it is the last output, or rows of it, and nobody has written to it."""
        nothing = None, slice(None)
        if self.last is None or type(tensor) is not Tensor or tensor.layout is not torch.strided:
            return nothing
        output, version, again = self.last
        alike = (
            tensor.shape[1:] == output.shape[1:]
            and tensor.stride() == output.stride()
            and tensor.dtype == output.dtype
            and tensor._version == version
        )
        if not alike or not output.numel():
            return nothing
        start, within = divmod(
            tensor.data_ptr() - output.data_ptr(), output.stride(0) * output.element_size()
        )
        stop = start + len(tensor)
        return nothing if within or start < 0 or stop > len(output) else (again, slice(start, stop))


def unpacked(kept: Any) -> Any:
    """The tensor that was kept.

    Raises:
        RuntimeError: It has been written to since.
    """
    tensor, version = kept
    if isinstance(tensor, Again):
        return tensor.value()[version]
    if tensor is not None and tensor._version != version:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"a tensor of shape {list(tensor.shape)} is at version {tensor._version}; expected version {version}"
        )
    return tensor


def fits(*networks: nn.Module) -> bool:
    """Whether these networks are made of torch's and auxin's modules, have batch norms, and are on a CPU.

    >>> fits(nn.BatchNorm1d(2)), fits(nn.Linear(2, 2))
    (True, False)
    """
    modules = [part for network in networks for part in network.modules()]
    norms = [part.weight for part in modules if type(part) in BATCH_NORMS]
    known = all(keeps_nothing(type(part).__module__) for part in modules)
    return bool(norms) and known and all(w is None or w.device.type == "cpu" for w in norms)


@contextmanager
def lean(*networks: nn.Module) -> Iterator[None]:
    """Within, the graphs of networks that it `fits` leave out what batch norms and ReLUs can make again.

    Passes that are recorded or transformed are left as they are.

    >>> network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    >>> with lean(network):
    ...     y = network(torch.randn(4, 2))
    >>> y.sum().backward()
    """
    if not torch.is_grad_enabled() or traced() or transformed() or not fits(*networks):
        yield
        return
    made = _Pass()

    def replacement(module: nn.Module) -> Forward | None:
        if type(module) in BATCH_NORMS:
            return made.batch_norm(module, module.forward)
        return made.relu(module.forward) if type(module) is nn.ReLU else None

    modules = (part for network in networks for part in network.modules())
    try:
        with replaced(modules, replacement), saved_tensors_hooks(made.pack, unpacked):
            yield
    finally:
        made.last = None
