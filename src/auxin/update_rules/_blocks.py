"""The bricks of theta: linear maps, convolutions and normalisation over [T, C, N, B] (task, channel, unit, example)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.math.rule_network import truncated_normal

UNITS, EXAMPLES = 2, 3


class ChannelMap(nn.Module):
    """A linear map over channels, optionally a convolution of odd kernel along units or examples.

    Weights start as a truncated normal of std 1 / sqrt(kernel * inputs), biases at 0 (the authors' initial
    values).
    Padding is zero and keeps the length; the convolution is one matrix product of shifted copies.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, axis: int = EXAMPLES) -> None:
        super().__init__()
        self.kernel = kernel
        self.axis = axis
        std = (kernel * inputs) ** -0.5
        self.weight = nn.Parameter(truncated_normal((outputs, kernel * inputs), std, None))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[T, inputs, N, B] to [T, outputs, N, B]."""
        if self.kernel > 1:
            x = self._shifted(x)
        flat = x.flatten(2)
        weight = self.weight.expand(x.shape[0], -1, -1)
        out = torch.baddbmm(self.bias[:, None], weight, flat)
        return out.unflatten(2, x.shape[2:])

    def _shifted(self, x: Tensor) -> Tensor:
        reach = self.kernel // 2
        pad = [reach, reach] if self.axis == EXAMPLES else [0, 0, reach, reach]
        padded = F.pad(x, pad)
        length = x.shape[self.axis]
        return torch.cat([padded.narrow(self.axis, k, length) for k in range(self.kernel)], dim=1)


class Normalise(nn.Module):
    """Batch norm inside theta: per task and channel over units and examples; learned offset, no scale, epsilon 1e-3.

    There is no running state: the current statistics are used always, as in the authors' code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        # The layer norm over units and examples is this batch norm, at a quarter of its time. No derivative needs its
        # result, so the offset is added in place: memory that is new costs as much as the sum.
        return F.layer_norm(x, x.shape[2:], eps=1e-3).add_(self.offset[:, None, None])


class UnitMixer(nn.Module):
    """Two layers that let a unit see others, added to the input (a residual).

    Args:
        channels: channels in and out.
        kernel: 3 looks at neighbouring units by index (the paper), 1 at none, 0 at the mean over all units
            (which keeps the rule equivariant to the order of the units and free of the width).
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first = MixLayer(channels, channels, kernel)
        self.second = MixLayer(channels, channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """[T, C, N, B] to the same shape."""
        return x + self.second(self.first(x))


class MixLayer(nn.Module):
    """One layer over units, then batch norm and ReLU; kernel as in `UnitMixer`."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.own = ChannelMap(inputs, outputs, max(kernel, 1), UNITS)
        self.pooled = ChannelMap(inputs, outputs) if kernel == 0 else None
        self.normalise = Normalise(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[T, inputs, N, B] to [T, outputs, N, B]."""
        y = self.own(x)
        if self.pooled is not None:
            y = y.add_(self.pooled(x.mean(UNITS, keepdim=True)))
        return self.normalise(y).relu_()


class BatchLayer(nn.Module):
    """A convolution over examples, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.dense = ChannelMap(inputs, outputs, kernel, EXAMPLES)
        self.normalise = Normalise(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[T, inputs, N, B] to [T, outputs, N, B]."""
        return self.normalise(self.dense(x)).relu_()
