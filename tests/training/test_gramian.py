"""The Gramian layer by layer and its main row, against the tasks' whole gradients on a graph of their own."""

import pytest
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from auxin.training import gramian as fast
from auxin.training.shared import SharedParameters

D, TASKS = torch.float64, 5


class Positions(nn.Module):
    """A linear layer on sequences, without a bias, an embedding before it."""

    def __init__(self):
        super().__init__()
        self.words, self.mix = nn.Embedding(7, 24), nn.Linear(24, 8, bias=False)

    def forward(self, x):
        return self.mix(self.words((x[:, :4].abs() * 3).long() % 7)).tanh().flatten(1)


class Twice(nn.Module):
    """One weight in two layers."""

    def __init__(self):
        super().__init__()
        self.inner, self.last = nn.Linear(12, 12), nn.Linear(12, 32)

    def forward(self, x):
        return self.last(self.inner(self.inner(x).relu()).relu())


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.last = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 32)

    def forward(self, x):
        return self.last(self.cell(x.view(-1, 3, 4))[0][:, -1])


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.last = nn.Sequential(nn.Linear(12, 12), nn.Tanh()), nn.Linear(12, 32)

    def forward(self, x):
        return self.last(checkpoint(self.body, x, use_reentrant=False))


def images(*layers):
    return nn.Sequential(nn.Unflatten(1, (3, 2, 2)), nn.Upsample(scale_factor=4), *layers, nn.Flatten())


NETWORKS = {
    "mlp": lambda: nn.Sequential(nn.Linear(12, 40), nn.ReLU(), nn.Linear(40, 32), nn.LayerNorm(32)),
    "narrow": lambda: nn.Sequential(nn.Linear(12, 2), nn.Tanh(), nn.Linear(2, 32)),
    "conv": lambda: images(
        *(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.Conv2d(6, 60, 3, 3, 2, 2, bias=False), nn.GELU(), nn.Conv2d(60, 16, (1, 2), bias=False)),
    ),
    "grouped": lambda: images(nn.Conv2d(3, 6, 3, 3, groups=3), nn.ConvTranspose2d(6, 5, 2), nn.AdaptiveAvgPool2d(2)),
    "positions": Positions,
    "twice": Twice,
    "recurrent": Recurrent,
    "checkpointed": Checkpointed,
}  # fmt: skip
LAYER_BY_LAYER = {
    "mlp": 2,
    "conv": 2,
    "positions": 1,
    "twice": 1,
    "recurrent": 2,
    "checkpointed": 2,
    "narrow": 2,
}


def losses(network, seed=0):
    """Five tasks' mean losses; the last one does not reach the network, and the one before it reaches a part."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(3, 12, generator=generator, dtype=D)
    hidden = network(x)
    heads = torch.randn(TASKS, hidden.shape[1], 2, generator=generator, dtype=D)
    found = [((hidden @ head) ** 2).mean() for head in heads[:4]]
    return [*found, torch.zeros((), dtype=D, requires_grad=True) * 1]


def built(name):
    torch.manual_seed(0)
    return NETWORKS[name]().double()


def reference(network):
    parameters, rows = list(network.parameters()), []
    for k in range(TASKS):
        network.zero_grad()
        losses(network)[k].backward()
        rows.append(
            torch.cat(
                [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in parameters]
            )
        )
    stacked = torch.stack(rows)
    return stacked @ stacked.T


@pytest.mark.parametrize("name", NETWORKS)
def test_both_ways_are_the_inner_products_of_whole_gradients(name):
    network = built(name)
    expected, means = reference(network), losses(network)
    parameters = list(network.parameters())
    torch.testing.assert_close(fast.gramian(means, parameters), expected, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(fast.main_row(means, parameters), expected[0], rtol=1e-11, atol=1e-13)
    assert len(fast._layers(means[:4], parameters, 4)) == LAYER_BY_LAYER.get(name, 0)


class Heads(nn.Module):
    """Linear heads of two widths on one trunk, with what a short way at them must not leave out."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.trunk, self.row = nn.Sequential(nn.Linear(12, 6), nn.Tanh()), nn.Linear(6, 2, bias=False)
        self.heads = nn.ModuleList([nn.Linear(6, 2), nn.Linear(6, 3), nn.Linear(6, 2)])
        if kind == "one head twice":
            self.heads[2] = self.heads[0]
        elif kind == "a weight of the trunk's":
            self.row.weight = self.heads[2].weight
        elif kind == "frozen":
            self.heads[1].requires_grad_(False)

    def forward(self, x):
        inner = self.trunk[0](x)
        hidden = self.trunk[1](inner)
        found = [head(hidden) for head in self.heads]
        if self.kind == "a weight of the trunk's":
            hidden = hidden + self.row(hidden) @ self.row.weight
            found[1] = self.heads[1](hidden)
        elif self.kind == "a weight made of the trunk's":
            found[2] = F.linear(hidden, self.trunk[0].weight[:2, :6], self.heads[2].bias)
        elif self.kind == "two depths":
            found[1] = found[1] + inner[:, :3] * inner[:, 3:]
        elif self.kind == "a hook":
            found[0].register_hook(lambda grad: 3 * grad)
        return found


@pytest.mark.parametrize(
    ("kind", "short"),
    [
        ("own", True), ("frozen", True), ("one head twice", False), ("a weight of the trunk's", False),
        ("a weight made of the trunk's", False), ("two depths", False), ("a hook", False),
    ],
)  # fmt: skip
def test_linear_heads_are_passed_through_at_once_where_they_are_the_tasks_own(kind, short):
    torch.manual_seed(0)
    network = Heads(kind).double()
    ends = network(torch.randn(4, 12, dtype=D))
    slopes = [torch.randn_like(end) for end in ends]
    known = [p for p in network.parameters() if p.requires_grad]
    shared = [p for p in known if sum(_reaches(end, p) for end in ends) > 1]
    grads = [
        torch.cat(
            [
                g.flatten()
                for g in torch.autograd.grad(
                    end, shared, slope, retain_graph=True, allow_unused=True, materialize_grads=True
                )
            ]
        )
        for end, slope in zip(ends, slopes, strict=True)
    ]
    expected = torch.stack(grads) @ torch.stack(grads).T
    torch.testing.assert_close(fast.gramian(ends, shared, slopes), expected, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(fast.main_row(ends, shared, slopes), expected[0], rtol=1e-11, atol=1e-13)
    assert (fast._row_from_heads(ends, shared, slopes) is not None) == short


def _reaches(end, parameter):
    return torch.autograd.grad(end.sum(), parameter, retain_graph=True, allow_unused=True)[0] is not None


def test_tasks_without_labels_have_zeros_and_only_the_named_parameters_count():
    network = built("mlp")
    means = losses(network)
    whole = fast.gramian(means, list(network.parameters())[:2])
    assert (whole.diagonal()[:4] < reference(network).diagonal()[:4]).all()
    means[1] = None
    part = fast.gramian(means, list(network.parameters())[:2])
    assert not part[1].any()
    torch.testing.assert_close(part[[0, 2, 3]][:, [0, 2, 3]], whole[[0, 2, 3]][:, [0, 2, 3]])


class Once(torch.autograd.Function):
    """The identity, whose backward cannot be differentiated; torch does not say so where it is one path of several."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return grad


class Silent(Once):
    """The identity, whose backward loses its graph without a word."""

    @staticmethod
    def backward(ctx, grad):
        return torch.tensor(grad.detach().numpy())


def attention(x):
    """Has no second derivative in its fused form."""
    x = x.reshape(3, 1, 3, 2)
    return F.scaled_dot_product_attention(x, x, x).reshape(3, 6)


@pytest.mark.parametrize(
    ("function", "why"),
    [(attention, "twice"), (Once.apply, "other inner products"), (Silent.apply, "other inner products")],
)
def test_an_operation_that_cannot_be_differentiated_twice_is_noticed(function, why):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(12, 6), nn.Linear(6, 32)

        def forward(self, x):
            return self.last(function(self.first(x)))

    torch.manual_seed(0)
    network = Odd().double()
    shared = SharedParameters(network, "abcde", known=list(network.parameters()))
    found = shared.gramian(losses(network), main_row_only=True)
    assert why in shared.row_wrong
    torch.testing.assert_close(found, reference(network))


def test_the_main_row_is_compared_once_for_each_task(monkeypatch):
    network, calls = built("mlp"), []
    whole = fast.gramian
    monkeypatch.setattr("auxin.training.shared.gramian", lambda *a: calls.append(1) or whole(*a))
    shared = SharedParameters(network, "abcde", known=list(network.parameters()))
    for _ in range(2):
        means = losses(network)
        found = shared.gramian([*means[:3], None, None], main_row_only=True)
    assert len(calls) == 1
    shared.gramian(losses(network), main_row_only=True)
    assert len(calls) == 2
    torch.testing.assert_close(found[0, :3], reference(network)[0, :3])
    assert not found[1:, 1:].any()
