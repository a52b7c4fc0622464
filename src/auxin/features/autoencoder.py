"""The code of an autoencoder on the same network as the learned rule's."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.features._encoder import CodeFeatures, perceptron
from auxin.paper import Paper


class _Autoencoder(nn.Module):
    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = perceptron(widths, last=True)
        self.decoder = perceptron(list(widths)[::-1], last=False)

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The mean squared error."""
        del generator
        return (self.decoder(self.encoder(x)) - x).square().mean()


class Autoencoder(CodeFeatures):
    """Features are the code (batch norm and ReLU, like the rule's top layer). Loss: mean squared error.

    The learning rate is chosen after a fifth of the epochs, and training stopped, by the error on a tenth of the rows.

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

    def build(self, widths: Sequence[int]) -> nn.Module:
        """An encoder and its mirror image."""
        return _Autoencoder(widths)

    def code(self, network: nn.Module, x: Tensor) -> Tensor:
        """The encoder's output."""
        assert isinstance(network, _Autoencoder)
        return network.encoder(x)
