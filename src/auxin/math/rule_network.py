"""The base network of learned update rules: an MLP with current-batch normalisation, T networks at a time.

Inside this package arrays are units first: [T, N, B] (task, unit, example).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.errors import ConfigError, DataError

EPSILON = 1e-6


def _mixed(z: Tensor) -> Tensor:
    half = z.shape[-2] // 2
    return torch.cat([z[..., :half, :], torch.relu(z[..., half:, :])], dim=-2)


ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "step": lambda z: (z > 0).to(z.dtype),
    "linear": lambda z: z,
    "mixed": _mixed,
}


class Weights(Protocol):
    """What the forward pass needs of a state."""

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """One matrix per layer."""
        ...

    @property
    def biases(self) -> tuple[Tensor, ...]:
        """One vector per layer."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """One forward pass. Layer 0 is the input; its `pre` is the input and its `normal` is the standardised input.

    Attributes:
        pre: z^l = BN(x^(l-1) W^l) + b^l, [T, N_l, B].
        post: x^l = activation(z^l), the same shapes.
        normal: BN(x^(l-1) W^l), before the bias.
    """

    pre: list[Tensor]
    post: list[Tensor]
    normal: list[Tensor]

    @property
    def top(self) -> Tensor:
        """x^L, [T, N_L, B]."""
        return self.post[-1]


def truncated_normal(shape: tuple[int, ...], std: float, generator: torch.Generator | None) -> Tensor:
    """Normal numbers cut at two standard deviations."""
    values = torch.zeros(shape)
    if std == 0:
        return values
    torch.nn.init.trunc_normal_(values, 0.0, std, -2 * std, 2 * std, generator=generator)
    return values


def standardise(u: Tensor, reference: Tensor | None = None, epsilon: float = EPSILON) -> Tensor:
    """Each unit at mean 0 and variance 1 over the examples (the last axis), biased variance."""
    source = u if reference is None else reference
    mean = source.mean(-1, keepdim=True)
    var = (source - mean).square().mean(-1, keepdim=True)  # a ninth of the time of `torch.var_mean` on a CPU
    return (u - mean) * torch.rsqrt(var + epsilon)


def activate(z: Tensor, name: str) -> Tensor:
    """The activation by name; "mixed" is linear for the first half of the units and ReLU for the others."""
    if name not in ACTIVATIONS:
        raise ConfigError(f"Unknown activation {name!r}", expected=f"one of: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name](z)


def forward(
    state: Weights, x: Tensor, activation: str = "relu", top: str = "relu", reference: Tensor | None = None
) -> Activity:
    """Inputs [T, B, N_0] through every layer.

    u = W^T x (no bias), batch norm with the current batch's statistics (biased variance, epsilon 1e-6, no
    scale), z = BN(u) + b, x = activation(z). With a `reference` the statistics are those of that batch.

    Raises:
        DataError: A batch of fewer than two examples, whose statistics mean nothing.
    """
    source = x if reference is None else reference
    if source.shape[1] < 2:
        raise DataError(
            "Batch statistics need examples", expected="at least 2 rows", found=str(source.shape[1])
        )
    units = x.transpose(1, 2)
    other = None if reference is None else reference.transpose(1, 2)
    activity = Activity([units], [units], [standardise(units, other)])
    layers = len(state.weights)
    for number, (w, b) in enumerate(zip(state.weights, state.biases, strict=True), start=1):
        name = top if number == layers else activation
        raw = w.transpose(1, 2) @ activity.post[-1]
        raw_other = None if other is None else w.transpose(1, 2) @ other
        normal = standardise(raw, raw_other)
        pre = normal + b[..., None]
        activity.normal.append(normal)
        activity.pre.append(pre)
        activity.post.append(activate(pre, name))
        if raw_other is not None:
            other = activate(standardise(raw_other) + b[..., None], name)
    return activity
