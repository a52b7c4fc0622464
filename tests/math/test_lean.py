"""Graphs without the outputs of batch norms and ReLUs: the same gradients, of what was there in the forward pass."""

import gc
import weakref

import pytest
import torch
from torch import nn

from auxin.math import row_blocks
from auxin.math.lean import Again, fits, lean

D = torch.float64


@pytest.fixture(autouse=True)
def one_row_per_block(monkeypatch):
    monkeypatch.setattr(row_blocks, "BLOCK", 0)


def chain(*middle, conv=nn.Conv2d):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), *middle, conv(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten()
    )


def normed(**options):
    return nn.BatchNorm2d(4, **options)


class Own(nn.ReLU):
    """A class of the user's."""


NETWORKS = {
    "norm and ReLU": lambda: chain(normed(), nn.ReLU()),
    "by blocks": lambda: chain(normed(), nn.ReLU(), conv=row_blocks.Conv2d),
    "pooled": lambda: chain(normed(), nn.ReLU(), nn.MaxPool2d(2), nn.Upsample(scale_factor=2)),
    "in place": lambda: chain(normed(), nn.ReLU(inplace=True)),
    "twice": lambda: chain(normed(), nn.ReLU(), nn.ReLU()),
    "another activation": lambda: chain(normed(), nn.SiLU()),
    "no weight": lambda: chain(normed(affine=False), nn.ReLU()),
    "evaluated": lambda: chain(normed().eval(), nn.ReLU()),
    "no statistics of its own": lambda: chain(normed(track_running_stats=False), nn.ReLU()),
    "no norm": lambda: chain(nn.ReLU()),
    "a user's class": lambda: chain(normed(), Own()),
}


def gradients(net, x, under, **options):
    with under(net):
        loss = net(x).square().sum()
    return loss, torch.autograd.grad(loss, [x, *net.parameters()], **options)


def plainly(*networks):
    return torch.enable_grad()


def setting(name, seed=0):
    torch.manual_seed(seed)
    net = NETWORKS[name]().to(D)
    x = torch.randn(3, 2, 9, 9, dtype=D).to(memory_format=torch.channels_last)
    return net, x.requires_grad_()


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_and_buffers_are_those_of_a_plain_pass(name):
    net, x = setting(name)
    before = {k: b.clone() for k, b in net.named_buffers()}
    _, plain = gradients(net, x, plainly)
    moved = {k: b.clone() for k, b in net.named_buffers()}
    net.load_state_dict(before, strict=False)
    _, found = gradients(net, x, lean)
    for a, b in zip(plain, found, strict=True):
        assert torch.allclose(a, b, rtol=1e-11, atol=1e-12)
    assert all(torch.equal(b, moved[k]) for k, b in net.named_buffers())
    assert all("forward" not in part.__dict__ for part in net.modules())


def test_a_second_backward_pass_and_second_derivatives():
    net, x = setting("norm and ReLU")
    loss, first = gradients(net, x, lean, create_graph=True)
    again = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(first[1:], again, strict=True))
    _, plain = gradients(net, x, plainly, create_graph=True)
    assert not any(type(held) is Again and held._value is not None for held in gc.get_objects())
    found, expected = (torch.autograd.grad(sum(g.square().sum() for g in gs), x)[0] for gs in (first, plain))
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["norm and ReLU", "by blocks"])
@pytest.mark.parametrize(("under", "alive"), [(lean, False), (plainly, True)])
def test_the_outputs_of_a_graph_are_not_held(name, under, alive):
    net, x = setting(name)
    outputs = []
    net[2].register_forward_hook(
        lambda module, given, out: outputs.append(weakref.ref(out.untyped_storage()))
    )
    with under(net):
        y = net(x)
    gc.collect()
    assert (outputs[0]() is not None) is alive
    assert y.requires_grad


@pytest.mark.parametrize("place", [1, 2])
def test_what_a_hook_writes_into_an_output_counts(place):
    """Into the norm's, which nothing has kept yet; into the ReLU's, which plain autograd refuses."""
    net, x = setting("norm and ReLU")
    handle = net[place].register_forward_hook(lambda module, given, out: out.mul_(2))
    found = gradients(net, x, lean)[1]
    handle.remove()
    net[place].register_forward_hook(lambda module, given, out: out * 2)
    plain = gradients(net, x, plainly)[1]
    assert all(torch.allclose(a, b) for a, b in zip(plain, found, strict=True))


def test_a_tensor_that_was_written_to_is_refused():
    net, x = setting("norm and ReLU")
    with lean(net):
        loss = net(x).square().sum()
    with torch.no_grad():
        net[1].weight.mul_(2)
    with pytest.raises(RuntimeError, match="inplace operation"):
        loss.backward()


def test_which_networks_it_fits():
    assert fits(setting("norm and ReLU")[0])
    assert not fits(setting("a user's class")[0])
    assert not fits(nn.Linear(1, 1))
