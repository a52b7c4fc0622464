"""Convolutions in float64 on a CPU, by blocks of rows.

Torch computes them there by unfolding: the windows of all rows side by side, nine times the input under a 3x3 kernel,
in a buffer that does not fit a processor's cache. Blocks of rows that do take less time and next to no memory.
"""

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
        if input.dtype is not torch.float64 or input.device.type != "cpu" or input.dim() != 4:
            return super()._conv_forward(input, weight, bias)
        blocks = input.split(rows_of_block(self, input))
        found = [super(Conv2d, self)._conv_forward(block, weight, bias) for block in blocks]
        return found[0] if len(found) == 1 else torch.cat(found)


def rows_of_block(layer: nn.Conv2d, x: Tensor) -> int:
    """How many rows of images [B, C, H, W] in float64 are convolved at a time."""
    window = layer.kernel_size[0] * layer.kernel_size[1]
    return max(1, BLOCK // max(1, 8 * window * x.shape[1:].numel()))
