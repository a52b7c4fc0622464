"""Random features: one random layer, standardised, with a ReLU behind it."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.features.base import Features, check_rows, check_width
from auxin.paper import Paper


class RandomFeatures(Features):
    """relu(BN(x W) + b), W and b random, BN with the statistics of the fitted rows.

    Args:
        width: Number of features.
        activation: "relu" or "linear".

    Raises:
        ConfigError: another activation.

    >>> RandomFeatures(4).fit(torch.rand(9, 3)).transform(torch.rand(2, 3)).shape
    torch.Size([2, 4])
    """

    paper: ClassVar[Paper] = Paper(
        "Random Features for Large-Scale Kernel Machines",
        "Rahimi, Recht",
        2007,
        "https://papers.nips.cc/paper/3182-random-features-for-large-scale-kernel-machines",
    )

    def __init__(self, width: int = 16, *, activation: str = "relu") -> None:
        if activation not in ("relu", "linear"):
            raise ConfigError(f"Unknown activation {activation!r}", expected="relu or linear")
        self.width, self.activation = check_width(width), activation
        self.weight = torch.zeros(0, 0)
        self.offset = torch.zeros(0)

    def fit(self, x: Tensor, seed: int = 0) -> "RandomFeatures":
        """Draw the layer, take the statistics."""
        check_rows(x)
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(x.shape[1], self.width, generator=generator, dtype=x.dtype)
        u = x @ weight
        scale = u.std(0, correction=0).clamp(min=1e-6)
        bias = 0.1 * torch.randn(self.width, generator=generator, dtype=x.dtype)
        self.weight, self.offset = weight / scale, bias - u.mean(0) / scale
        return self

    def transform(self, x: Tensor) -> Tensor:
        """[N, width]."""
        z = x @ self.weight + self.offset
        return torch.relu(z) if self.activation == "relu" else z
