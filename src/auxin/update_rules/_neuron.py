"""The per-neuron network H and the signal at the top layer: what every unit computes about itself."""

import itertools
import math

import torch
from torch import Tensor, nn

from auxin.update_rules._blocks import EXAMPLES, BatchLayer, ChannelMap, MixLayer, Normalise, UnitMixer

STATISTICS = 8


class NeuronNetwork(nn.Module):
    """H(x, z, d, b, weight statistics) -> h, the same network for every unit of every layer.

    Args:
        channels: C, the hidden channels.
        delta: D, the channels of the error signal.
        kernel_batch: How many neighbouring examples a unit sees (1 or 3).
        kernel_units: As in `UnitMixer`.
        unit_identity: Whether a unit is told its place, sin and cos of linspace(0, 4 pi, N).
        blocks: Number of blocks.
    """

    def __init__(
        self,
        channels: int,
        delta: int,
        *,
        kernel_batch: int,
        kernel_units: int,
        unit_identity: bool,
        blocks: int,
    ) -> None:
        super().__init__()
        self.unit_identity = unit_identity
        activity = 2 + 2 * unit_identity + delta
        self.normalise = Normalise(activity)
        widths = [STATISTICS + 1 + activity] + [channels] * blocks
        self.layers = nn.ModuleList(
            nn.Sequential(BatchLayer(a, b, kernel_batch), UnitMixer(b, kernel_units))
            for a, b in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor, z: Tensor, delta: Tensor, bias: Tensor, statistics: Tensor) -> Tensor:
        """h, [T, C, N, B].

        Args:
            x: activities [T, N, B].
            z: pre-activations [T, N, B].
            delta: error signal [T, D, N, B].
            bias: [T, N].
            statistics: [T, 8, N], see `weight_statistics`.
        """
        parts = [x[:, None], z[:, None]]
        if self.unit_identity:
            parts.append(_identity(x))
        activity = self.normalise(torch.cat([*parts, delta], dim=1))
        constant = torch.cat([statistics, bias[:, None]], dim=1)[..., None]
        h = torch.cat([constant.expand(-1, -1, -1, x.shape[-1]), activity], dim=1)
        for layer in self.layers:
            h = layer(h)
        return h


def _identity(x: Tensor) -> Tensor:
    angle = torch.linspace(0, 4 * math.pi, x.shape[1], dtype=x.dtype, device=x.device)
    waves = torch.stack([angle.sin(), angle.cos()])
    return waves[None, :, :, None].expand(x.shape[0], -1, -1, x.shape[2])


def weight_statistics(incoming: Tensor | None, outgoing: Tensor | None) -> Tensor:
    """Eight numbers per unit, [T, 8, N]: four about its incoming and four about its outgoing weights.

    Mean size, root mean square, mean and standard deviation; a unit at the edge has one kind, given twice.
    All are divided by one root mean square per task.
    """
    parts = []
    if incoming is not None:
        parts.append(_four(incoming, 1))
    if outgoing is not None:
        parts.append(_four(outgoing, 2))
    statistics = torch.cat(parts if len(parts) == 2 else parts * 2, dim=1)
    scale = statistics.square().mean((1, 2), keepdim=True) + 1e-6
    return statistics * torch.rsqrt(scale)


def _four(w: Tensor, axis: int) -> Tensor:
    var, mean = torch.var_mean(w, axis, correction=0)
    rms = (w.square().mean(axis) + 1e-6).sqrt()
    return torch.stack([w.abs().mean(axis), rms, mean, (var + 1e-8).sqrt()], dim=1)


class MixedTop(nn.Module):
    """The released top signal: units of the top layer are mixed by N_L x N_L weights, so theta fixes their number.

    Convolution over examples 1 -> C (kernel 5), two mixers over (examples, units), two layers C -> C, one C
    -> D.
    """

    def __init__(self, channels: int, delta: int, width: int, *, kernel: int, kernel_batch: int) -> None:
        super().__init__()
        self.first = BatchLayer(1, channels, kernel)
        self.mixers = nn.Sequential(*(BatchLayer(width, width, kernel_batch) for _ in range(2)))
        self.layers = nn.Sequential(*(BatchLayer(channels, channels, kernel_batch) for _ in range(2)))
        self.last = ChannelMap(channels, delta, kernel_batch, EXAMPLES)

    def forward(self, x: Tensor) -> Tensor:
        """Top activities [T, N_L, B] to the error signal [T, D, N_L, B]."""
        y = self.first(x[:, None])
        y = self.mixers(y.transpose(1, 2)).transpose(1, 2)
        return self.last(self.layers(y))


class PooledTop(nn.Module):
    """A top signal for any width: each unit sees itself, its distance from the mean over units, and pooled layers."""

    def __init__(self, channels: int, delta: int, *, layers: int = 2) -> None:
        super().__init__()
        widths = [2] + [channels] * layers
        self.layers = nn.Sequential(*(MixLayer(a, b, kernel=0) for a, b in itertools.pairwise(widths)))
        self.last = ChannelMap(channels, delta)

    def forward(self, x: Tensor) -> Tensor:
        """Top activities [T, N_L, B] to the error signal [T, D, N_L, B]."""
        both = torch.stack([x, x - x.mean(1, keepdim=True)], dim=1)
        return self.last(self.layers(both))
