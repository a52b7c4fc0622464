"""The mean code of a variational autoencoder on the same network as the learned rule's."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from auxin.features._encoder import CodeFeatures, perceptron
from auxin.paper import Paper


class _Variational(nn.Module):
    def __init__(self, widths: Sequence[int], noise: float) -> None:
        super().__init__()
        self.width, self.noise = widths[-1], noise
        self.encoder = perceptron([*widths[:-1], 2 * widths[-1]], last=False)
        self.decoder = perceptron(list(widths)[::-1], last=False)

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The negative evidence bound per row and input, up to a constant."""
        mean, log_var = self.encoder(x).split(self.width, 1)
        draw = torch.randn(mean.shape, generator=generator, dtype=x.dtype)
        code = mean + (0.5 * log_var).exp() * draw
        fit = (self.decoder(code) - x).square().sum(1) / (2 * self.noise**2)
        divergence = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        return (fit + divergence).mean() / x.shape[1]


class VAE(CodeFeatures):
    """Features are the posterior mean (Kingma and Welling 2014), Gaussian likelihood.

    The rate is chosen after a fifth of the epochs, and training stopped, by the bound on a tenth of the rows.

    Args:
        width: Size of the code.
        noise: standard deviation of the likelihood.
        options: hidden, rates, epochs, batch and patience, as in the autoencoder.

    >>> VAE(2, hidden=(4,), epochs=1).fit(torch.rand(30, 5)).transform(torch.rand(3, 5)).shape
    torch.Size([3, 2])
    """

    paper: ClassVar[Paper] = Paper(
        "Auto-Encoding Variational Bayes", "Kingma, Welling", 2014, "https://arxiv.org/abs/1312.6114"
    )

    def __init__(self, width: int = 16, *, noise: float = 0.2, **options: Any) -> None:
        super().__init__(width, **options)
        self.noise = noise

    def build(self, widths: Sequence[int]) -> nn.Module:
        """An encoder to means and variances, and a decoder."""
        return _Variational(widths, self.noise)

    def code(self, network: nn.Module, x: Tensor) -> Tensor:
        """The posterior mean."""
        return network.encoder(x)[:, : self.width]  # type: ignore[operator]
