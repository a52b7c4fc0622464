"""What the autoencoder and the VAE share: the learned rule's network as encoder, its options, and its training."""

import itertools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn

from auxin.features._base import Features, check_rows, check_width


class CodeFeatures(Features):
    """Features are the code of a network that is trained to reconstruct the rows.

    Attributes:
        network: The trained network; None before `fit`.
        loss: Its loss on the held-out tenth of the rows.
    """

    network: nn.Module | None = None
    loss: float = float("nan")

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

    @abstractmethod
    def build(self, widths: Sequence[int]) -> nn.Module:
        """A fresh network, a function of rows and a generator of random numbers that returns the loss."""

    @abstractmethod
    def code(self, network: nn.Module, x: Tensor) -> Tensor:
        """The code of rows."""

    def fit(self, x: Tensor, seed: int = 0) -> Self:
        """Train."""
        check_rows(x, least=20)
        widths = (x.shape[1], *self.hidden, self.width)
        sizes = (self.rates, self.epochs, self.batch, self.patience, seed)
        self.network, self.loss = trained(lambda: self.build(widths), x, *sizes)
        return self

    def transform(self, x: Tensor) -> Tensor:
        """The code [N, width]."""
        assert self.network is not None, "fit first"
        with torch.no_grad():
            return self.code(self.network, x)


def perceptron(widths: Sequence[int], *, last: bool) -> nn.Sequential:
    """Linear, batch norm, ReLU for each layer; the last layer is linear alone unless `last`."""
    layers: list[nn.Module] = []
    for number, (a, b) in enumerate(itertools.pairwise(widths), start=2):
        layers.append(nn.Linear(a, b))
        if number < len(widths) or last:
            layers += [nn.BatchNorm1d(b), nn.ReLU()]
    return nn.Sequential(*layers)


def trained(
    build: Callable[[], nn.Module],
    x: Tensor,
    rates: Sequence[float],
    epochs: int,
    batch: int,
    patience: int,
    seed: int,
) -> tuple[nn.Module, float]:
    """The network of the best learning rate, stopped at its best loss on a held-out tenth, and that loss."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    held = max(1, len(x) // 10)
    parts = x[order[held:]], x[order[:held]]
    found = []
    for rate in rates:
        torch.manual_seed(seed)
        found.append(_one(build(), *parts, rate, epochs, batch, patience, seed))
    return min(found, key=lambda one: one[1])


def _one(
    network: nn.Module,
    training: Tensor,
    validation: Tensor,
    rate: float,
    epochs: int,
    batch: int,
    patience: int,
    seed: int,
) -> tuple[nn.Module, float]:
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    kept, lowest, waited = deepcopy(network.state_dict()), float("inf"), 0
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(training), generator=generator).split(batch):
            if len(rows) > 1:
                value = network(training[rows], generator)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
        network.eval()
        with torch.no_grad():
            value = float(network(validation, torch.Generator().manual_seed(seed)))
        if value < lowest:
            kept, lowest, waited = deepcopy(network.state_dict()), value, 0
        else:
            waited += 1
            if waited >= patience:
                break
    network.load_state_dict(kept)
    return network.eval(), lowest
