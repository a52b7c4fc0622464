"""The mean code of a variational autoencoder on the same network as the learned rule's."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.features._base import Features, check_rows, check_width
from auxin.features._encoder import perceptron, trained
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


class VAE(Features):
    """Features are the posterior mean (Kingma and Welling 2014), Gaussian likelihood.

    The rate is chosen, and training stopped, by the bound on a tenth of the rows.

    Args:
        width: Size of the code.
        hidden: Numbers of units of the layers between the inputs and the code.
        noise: standard deviation of the likelihood.
        rates, epochs, batch, patience: As in the autoencoder.

    >>> VAE(2, hidden=(4,), epochs=1).fit(torch.rand(30, 5)).transform(torch.rand(3, 5)).shape
    torch.Size([3, 2])
    """

    paper: ClassVar[Paper] = Paper(
        "Auto-Encoding Variational Bayes", "Kingma, Welling", 2014, "https://arxiv.org/abs/1312.6114"
    )

    def __init__(
        self,
        width: int = 16,
        *,
        hidden: Sequence[int] = (64,),
        noise: float = 0.2,
        rates: Sequence[float] = (1e-3, 1e-2),
        epochs: int = 30,
        batch: int = 64,
        patience: int = 3,
    ) -> None:
        self.width, self.hidden, self.rates = check_width(width), tuple(hidden), tuple(rates)
        self.noise = noise
        self.epochs, self.batch, self.patience = epochs, batch, patience
        self.network: nn.Module | None = None

    def fit(self, x: Tensor, seed: int = 0) -> "VAE":
        """Train."""
        check_rows(x, least=20)
        widths = (x.shape[1], *self.hidden, self.width)
        self.network, self.bound = trained(
            lambda: _Variational(widths, self.noise),
            lambda network, rows, generator: network(rows, generator),
            x,
            rates=self.rates,
            epochs=self.epochs,
            batch=self.batch,
            patience=self.patience,
            seed=seed,
        )
        return self

    def transform(self, x: Tensor) -> Tensor:
        """The posterior mean [N, width]."""
        assert isinstance(self.network, _Variational), "fit first"
        with torch.no_grad():
            return self.network.encoder(x)[:, : self.width]
