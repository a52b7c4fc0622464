"""The network that the autoencoder and the VAE share with the learned rule, and their training."""

import itertools
from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn


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
    loss: Callable[[nn.Module, Tensor, torch.Generator], Tensor],
    x: Tensor,
    *,
    rates: Sequence[float],
    epochs: int,
    batch: int,
    patience: int,
    seed: int,
) -> tuple[nn.Module, float]:
    """The network of the best learning rate, stopped at its best loss on a held-out tenth, and that loss."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    held = max(1, len(x) // 10)
    validation, training = x[order[:held]], x[order[held:]]
    best: tuple[nn.Module, float] | None = None
    for rate in rates:
        torch.manual_seed(seed)
        found = _one(build(), loss, training, validation, rate, epochs, batch, patience, seed)
        if best is None or found[1] < best[1]:
            best = found
    assert best is not None
    return best


def _one(
    network: nn.Module,
    loss: Callable[[nn.Module, Tensor, torch.Generator], Tensor],
    training: Tensor,
    validation: Tensor,
    rate: float,
    epochs: int,
    batch: int,
    patience: int,
    seed: int,
) -> tuple[nn.Module, float]:
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(seed)
    kept, lowest, waited = deepcopy(network.state_dict()), float("inf"), 0
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(training), generator=generator).split(batch):
            if len(rows) > 1:
                value = loss(network, training[rows], generator)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
        network.eval()
        with torch.no_grad():
            value = float(loss(network, validation, torch.Generator().manual_seed(seed)))
        if value < lowest:
            kept, lowest, waited = deepcopy(network.state_dict()), value, 0
        else:
            waited += 1
            if waited >= patience:
                break
    network.load_state_dict(kept)
    return network.eval(), lowest
