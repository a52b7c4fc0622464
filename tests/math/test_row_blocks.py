"""Convolutions by blocks of rows: torch's own values and derivatives, and windows of a few rows at a time."""

import pytest
import torch
from torch import nn
from torch.func import jvp

from auxin.math import row_blocks
from auxin.math.functional import placed
from auxin.math.row_blocks import Conv2d

D = torch.float64


def setting(monkeypatch, block, **options):
    monkeypatch.setattr(row_blocks, "BLOCK", block)
    torch.manual_seed(0)
    layer = Conv2d(2, 3, 3, **options).to(D, memory_format=torch.channels_last)
    return layer, torch.randn(5, 2, 6, 6, dtype=D).to(memory_format=torch.channels_last)


@pytest.mark.parametrize("block", [0, 2 * 8 * 9 * 72])
def test_values_and_both_modes_of_derivatives_are_torchs(monkeypatch, block):
    layer, x = setting(monkeypatch, block, padding=1, stride=2)
    plain = nn.Conv2d(2, 3, 3, padding=1, stride=2).to(D, memory_format=torch.channels_last)
    plain.load_state_dict(layer.state_dict())
    ends = []
    for net in (layer, plain):
        at = x.clone().requires_grad_()
        y = net(at)
        assert y.is_contiguous(memory_format=torch.channels_last)
        first = torch.autograd.grad(y.pow(3).sum(), [at, *net.parameters()], create_graph=True)
        second = torch.autograd.grad(first[1].square().sum(), at)
        ends.append([y, *first, *second, jvp(net, (x,), (x.sin(),))[1]])
    for a, b in zip(*ends, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "rows"), [(D, [2, 2, 1]), (torch.float32, [5])])
def test_in_float64_the_windows_of_two_rows_are_unfolded_at_a_time(monkeypatch, dtype, rows):
    layer, x = setting(monkeypatch, 2 * 8 * 9 * 72)
    layer, seen, own = layer.to(dtype), [], nn.Conv2d._conv_forward
    monkeypatch.setattr(
        nn.Conv2d, "_conv_forward", lambda self, x, *rest: seen.append(len(x)) or own(self, x, *rest)
    )
    layer(x.to(dtype))
    assert seen == rows
    assert layer(x[0].to(dtype)).shape == (3, 4, 4)
    assert layer(x[:0].to(dtype)).shape == (0, 3, 4, 4)


def test_torchs_own_layers_do_so_within_a_pass_of_a_meta_step_alone(monkeypatch):
    monkeypatch.setattr(row_blocks, "BLOCK", 2 * 8 * 9 * 72)
    seen, own = [], nn.Conv2d._conv_forward
    monkeypatch.setattr(
        nn.Conv2d, "_conv_forward", lambda self, x, *rest: seen.append(len(x)) or own(self, x, *rest)
    )
    layer, x = nn.Conv2d(2, 3, 3).to(D), torch.randn(5, 2, 6, 6, dtype=D)
    with placed(layer, [p.detach() for p in layer.parameters()]) as module:
        module(x)
    assert seen == [2, 2, 1]
    layer(x)
    assert seen[3:] == [5]
    assert "_conv_forward" not in vars(layer)
