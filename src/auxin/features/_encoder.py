"""What the autoencoder and the VAE share: the learned rule's network as encoder, its options, and its training."""

import itertools
from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn

from auxin.features.base import Features, check_rows, check_width
from auxin.optimizers import spare_compiler

FIRST = 0.2
"""Share of the epochs after which the best learning rate goes on alone."""


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
        """Train to the best loss on a held-out tenth; the rate that leads after a fifth of the epochs goes on alone."""
        check_rows(x, least=20)
        widths = (x.shape[1], *self.hidden, self.width)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        held = max(1, len(x) // 10)
        parts = (x[order[held:]], x[order[:held]])
        runs = []
        for rate in self.rates:
            torch.manual_seed(seed)
            runs.append(_RateTrial(self.build(widths), *parts, rate, self.batch, self.patience, seed))
            runs[-1].train(max(1, round(FIRST * self.epochs)))
        best = min(runs, key=lambda run: run.lowest)
        best.train(self.epochs)
        best.network.load_state_dict(best.kept)
        self.network, self.loss = best.network.eval(), best.lowest
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


class _RateTrial:
    """The training of one network at one rate, which can go on.

    Attributes:
        network: The network.
        kept: Its weights at the lowest loss on the validation rows.
        lowest: That loss.
    """

    def __init__(
        self,
        network: nn.Module,
        training: Tensor,
        validation: Tensor,
        rate: float,
        batch: int,
        patience: int,
        seed: int,
    ) -> None:
        self.network, self.training, self.validation = network, training, validation
        self.batch, self.patience, self.seed = batch, patience, seed
        spare_compiler()
        self.optimiser = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
        self.generator = torch.Generator().manual_seed(seed)
        self.kept, self.lowest = deepcopy(network.state_dict()), float("inf")
        self.epoch, self.waited = 0, 0

    def train(self, epochs: int) -> None:
        """Go on to this many epochs in all, or until the loss has not fallen for `patience` of them."""
        while self.epoch < epochs and self.waited < self.patience:
            self._pass()
            value = self._validation_loss()
            self.epoch += 1
            self.waited += 1
            if value < self.lowest:
                self.kept, self.lowest, self.waited = deepcopy(self.network.state_dict()), value, 0

    def _pass(self) -> None:
        self.network.train()
        for rows in torch.randperm(len(self.training), generator=self.generator).split(self.batch):
            if len(rows) > 1:
                value = self.network(self.training[rows], self.generator)
                self.optimiser.zero_grad()
                value.backward()
                self.optimiser.step()

    def _validation_loss(self) -> float:
        self.network.eval()
        with torch.no_grad():
            return float(self.network(self.validation, torch.Generator().manual_seed(self.seed)))
