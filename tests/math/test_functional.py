"""Networks as pure functions: nothing moves, and forward mode agrees with central differences for every
layer."""

import copy

import pytest
import torch
from torch import nn

from auxin.math.functional import call, jvp, restore_rng, save_rng, still, under_rng
from auxin.math.params import axpy, bare, detached, dot, filled, norm, trainable
from auxin.math.tree import rebuild, tensors, tree_map
from oracles import TRUNKS, images

X = images(seed=1)[0]


def network(trunk):
    torch.manual_seed(0)
    return TRUNKS[trunk]().double().train()


@pytest.mark.parametrize("trunk", TRUNKS)
def test_jvp_equals_central_differences_and_nothing_moves(trunk):
    net = network(trunk)
    params = detached(list(trainable(net).values()))
    tangent = [torch.randn_like(p) for p in params]
    before, rng = copy.deepcopy(net.state_dict()), save_rng()
    primal, slope = jvp(net, params, tangent, (X,), rng)
    assert torch.equal(save_rng().cpu, rng.cpu)
    h = 1e-7
    with torch.no_grad(), under_rng(rng):
        up = call(net, axpy(h, tangent, params), (X,))
    with torch.no_grad(), under_rng(rng):
        down = call(net, axpy(-h, tangent, params), (X,))
    assert ((up - down) / (2 * h) - slope).norm() < 1e-6 * slope.norm()
    with under_rng(rng):
        assert (net(X) - primal).abs().max() < 1e-12
    assert not primal.requires_grad
    assert not slope.requires_grad
    net.load_state_dict(before)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_buffers_stay_through_call_and_jvp(momentum):
    net = nn.Sequential(nn.Flatten(), nn.Linear(72, 3), nn.BatchNorm1d(3, momentum=momentum)).double()
    params = detached(list(trainable(net).values()))
    before, objects = copy.deepcopy(net.state_dict()), [id(b) for b in net.buffers()]
    call(net, params, (X,))
    jvp(net, params, params, (X,))
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert objects == [id(b) for b in net.buffers()]


def test_still_lends_clones_and_gives_back_after_an_error():
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(72)).double()
    before, objects = copy.deepcopy(net.state_dict()), [id(b) for b in net.buffers()]
    with still([net]) as lent:
        net(X)
        assert any(not torch.equal(own, clone) for own, clone in lent)
    with pytest.raises(ZeroDivisionError), still([net]):
        net(X).div_(1 // 0)
    assert objects == [id(b) for b in net.buffers()]
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_fused_attention_falls_to_operations_with_a_forward_mode():
    layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True).double()
    for training in (True, False):
        layer.train(training)
        params = detached(list(trainable(layer).values()))
        slope = jvp(layer, params, [torch.randn_like(p) for p in params], (torch.randn(2, 3, 8).double(),))[1]
        assert slope.abs().sum() > 0
    assert torch.backends.mha.get_fastpath_enabled()


def test_random_state_is_put_back_after_an_error():
    state = save_rng()
    with pytest.raises(ZeroDivisionError), under_rng(None):
        torch.rand(3).div_(1 // int(torch.rand(1)))
    assert torch.equal(state.cpu, save_rng().cpu)
    first = torch.rand(2)
    restore_rng(state)
    assert torch.equal(first, torch.rand(2))


def test_tied_and_frozen_parameters():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight
            self.c = nn.Linear(3, 3)
            self.c.requires_grad_(False)

        def forward(self, x):
            return self.c(self.b(self.a(x)))

    net = Tied()
    assert list(trainable(net)) == ["a.weight"]
    w, x = torch.randn(3, 3), torch.randn(2, 3)
    assert torch.allclose(call(net, [w], (x,)), net.c(x @ w.T @ w.T))


def test_vectors():
    a, b = [torch.ones(2), torch.tensor(3.0)], [torch.full((2,), 2.0), torch.tensor(1.0)]
    assert dot(a, b) == 7
    assert norm(a) == pytest.approx(11**0.5)
    assert filled([None, a[1]], b)[0].equal(torch.zeros(2))
    layer = nn.Linear(2, 1)
    assert list(trainable(layer)) == ["weight", "bias"]
    assert bare(nn.Sequential(layer))[0] is layer
    with pytest.raises(ValueError, match="zip"):
        dot(a, b[:1])


def test_trees():
    tree = {"a": (torch.zeros(2), [torch.ones(1)]), "n": torch.tensor(3), "s": "x"}
    assert len(tensors(tree)) == 2
    again = rebuild(tree, [t + 1 for t in tensors(tree)])
    assert again["a"][0].equal(torch.ones(2))
    assert again["a"][1][0].equal(torch.full((1,), 2.0))
    assert again["s"] == "x"
    assert again["n"] is tree["n"]
    assert tree_map(lambda t: t.dtype, torch.zeros(1)) is torch.float32
