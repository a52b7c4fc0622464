"""The code of an autoencoder on the same network as the learned rule's."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.features._base import Features, check_rows, check_width
from auxin.features._encoder import perceptron, trained
from auxin.paper import Paper


class _Autoencoder(nn.Module):
    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = perceptron(widths, last=True)
        self.decoder = perceptron(list(widths)[::-1], last=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


def _loss(network: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
    del generator
    return (network(x) - x).square().mean()


class Autoencoder(Features):
    """Features are the code (batch norm and ReLU, like the rule's top layer). Loss: mean squared error.

    The learning rate is chosen, and training stopped, by the error on a tenth of the rows.

    Args:
        width: Size of the code.
        hidden: Numbers of units of the layers between the inputs and the code.
        rates: Candidate learning rates of Adam.
        epochs, batch, patience: At most, per step, and without a better error before it stops.

    >>> Autoencoder(2, hidden=(4,), epochs=1).fit(torch.rand(30, 5)).transform(torch.rand(3, 5)).shape
    torch.Size([3, 2])
    """

    paper: ClassVar[Paper] = Paper(
        "Reducing the Dimensionality of Data with Neural Networks",
        "Hinton, Salakhutdinov",
        2006,
        "https://doi.org/10.1126/science.1127647",
    )

    def __init__(
        self,
        width: int = 16,
        *,
        hidden: Sequence[int] = (64,),
        rates: Sequence[float] = (1e-3, 1e-2),
        epochs: int = 30,
        batch: int = 64,
        patience: int = 3,
    ) -> None:
        self.width, self.hidden, self.rates = check_width(width), tuple(hidden), tuple(rates)
        self.epochs, self.batch, self.patience = epochs, batch, patience
        self.network: nn.Module | None = None

    def fit(self, x: Tensor, seed: int = 0) -> "Autoencoder":
        """Train."""
        check_rows(x, least=20)
        widths = (x.shape[1], *self.hidden, self.width)
        self.network, self.error = trained(
            lambda: _Autoencoder(widths),
            _loss,
            x,
            rates=self.rates,
            epochs=self.epochs,
            batch=self.batch,
            patience=self.patience,
            seed=seed,
        )
        return self

    def transform(self, x: Tensor) -> Tensor:
        """The code [N, width]."""
        assert isinstance(self.network, _Autoencoder), "fit first"
        with torch.no_grad():
            return self.network.encoder(x)
