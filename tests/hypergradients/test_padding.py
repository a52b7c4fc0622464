"""Embeddings with a padding row: forward mode is the transpose of the backward pass, and the shortcut is used."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from auxin.hypergradients import BilevelProblem, hypergradient
from oracles import relative


class Words(nn.Module):
    """Tokens to features; with `tied`, the embedding is the decoder too, so that its padding row has a gradient."""

    def __init__(self, tied):
        super().__init__()
        self.embedding, self.layer = nn.Embedding(6, 4, padding_idx=0), nn.Linear(4, 4)
        self.decoder = nn.Linear(4, 6, bias=False)
        if tied:
            self.decoder.weight = self.embedding.weight

    def forward(self, tokens):
        return self.decoder(self.layer(self.embedding(tokens).mean(1)).tanh())


@pytest.mark.parametrize("tied", [False, True])
def test_the_look_ahead_through_a_padding_row(tied):
    torch.manual_seed(0)
    net = Words(tied).double()
    phi = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    tokens, y = torch.randint(6, (12, 5)), torch.randint(6, (12,))
    tokens[:, :2] = 0

    def training(signals, batch):
        losses = torch.stack([F.cross_entropy(signals, batch[1]), signals.square().mean()])
        return (phi.softmax(0) * losses).sum()

    problem = BilevelProblem(net, training, lambda s, b: F.cross_entropy(s, b[1]), [phi])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, weight_decay=0.1)
    train, meta = (tokens[:6], y[:6]), (tokens[6:], y[6:])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = hypergradient(problem, train, meta, optimizer=optimizer)
    for note in (
        "Reverse-over-reverse",
        "The outer loss's gradient is off",
    ):  # tied, the embedding's part is left out
        assert any(note in str(w.message) for w in said) == tied
    exact = hypergradient(problem, train, meta, optimizer=optimizer, mode="reverse")
    assert exact.gradients[0].abs().max() > 1e-5
    assert relative(found.gradients, exact.gradients) < 1e-11
