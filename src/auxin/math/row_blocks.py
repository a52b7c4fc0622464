"""Convolutions in float64 on a CPU, by blocks of rows.

Torch computes them there by unfolding: the windows of all rows side by side, nine times the input under a 3x3 kernel,
in a buffer that does not fit a processor's cache. Blocks of rows that do take less time and next to no memory.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

BLOCK = 2**22
"""Bytes of a block's windows."""


class Conv2d(nn.Conv2d):
    """Torch's own layer, with the rows of a batch convolved block by block in float64 on a CPU.

    >>> layer, x = Conv2d(8, 8, 3, padding=1).double(), torch.randn(9, 8, 32, 32, dtype=torch.float64)
    >>> torch.allclose(layer(x), nn.Conv2d.forward(layer, x))
    True
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _convolved(self, input, weight, bias)


@contextmanager
def by_rows(layers: Iterable[nn.Conv2d]) -> Iterator[None]:
    """Within, these layers of torch's own class convolve by blocks of rows as well.

    >>> layer = nn.Conv2d(1, 1, 3)
    >>> with by_rows([layer.double()]):
    ...     layer(torch.zeros(1, 1, 3, 3, dtype=torch.float64)).shape
    torch.Size([1, 1, 1, 1])
    """
    plain = [
        layer
        for layer in layers
        if type(layer) is nn.Conv2d
        and layer.weight.dtype is torch.float64
        and "_conv_forward" not in layer.__dict__
    ]
    for layer in plain:
        layer.__dict__["_conv_forward"] = partial(_convolved, layer)
    try:
        yield
    finally:
        for layer in plain:
            del layer.__dict__["_conv_forward"]


def _convolved(layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if x.dtype is not torch.float64 or x.device.type != "cpu" or x.dim() != 4:
        return nn.Conv2d._conv_forward(layer, x, weight, bias)
    blocks = x.split(rows_of_block(layer, x))
    found = [nn.Conv2d._conv_forward(layer, block, weight, bias) for block in blocks]
    return found[0] if len(found) == 1 else torch.cat(found)


def rows_of_block(layer: nn.Conv2d, x: Tensor) -> int:
    """How many rows of images [B, C, H, W] in float64 are convolved at a time."""
    window = layer.kernel_size[0] * layer.kernel_size[1]
    return max(1, BLOCK // max(1, 8 * window * x.shape[1:].numel()))
