"""Forward mode with products taken over and norms by fused kernels, against torch's own forward mode."""

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from torch import nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from auxin.math.functional import jvp, save_rng, under_rng
from auxin.math.params import trainable
from auxin.math.tangents import recording, replaying

D = torch.float64


def dense(*middle):
    return nn.Sequential(nn.Linear(6, 8), *middle, nn.Linear(8, 3))


NETWORKS = {
    "linear": lambda: dense(nn.Tanh()),
    "no bias": lambda: nn.Sequential(nn.Linear(6, 8, bias=False), nn.Tanh(), nn.Linear(8, 3, bias=False)),
    "written to": lambda: dense(nn.ReLU(inplace=True)),
    "dropout": lambda: dense(nn.Dropout(0.5), nn.Tanh(), nn.Dropout(0.3)),
    "batch norm": lambda: dense(nn.BatchNorm1d(8), nn.Tanh(), nn.BatchNorm1d(8, affine=False)),
    "evaluated batch norm": lambda: dense(nn.BatchNorm1d(8).eval(), nn.Tanh()),
    "layer norm": lambda: dense(nn.LayerNorm(8), nn.Tanh(), nn.LayerNorm(8, bias=False)),
    "convolutions": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3, padding=1, padding_mode="circular"), nn.BatchNorm1d(4), nn.ReLU(),
        nn.Unflatten(2, (2, 3)), nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.GELU(), nn.BatchNorm2d(4), nn.Flatten(),
    ),
}  # fmt: skip


def frozen(net, how):
    for name, p in net.named_parameters():
        if how != "all" and name.endswith(how):
            p.requires_grad_(False)
    return net


def torchs(net, params, tangent, x, rng):
    """Torch's own forward mode."""
    buffers = {k: b.clone() for k, b in net.named_buffers()}
    with forward_ad.dual_level(), under_rng(rng), torch.no_grad():
        duals = {
            k: forward_ad.make_dual(p.detach(), t) for (k, p), t in zip(params.items(), tangent, strict=True)
        }
        return forward_ad.unpack_dual(functional_call(net, {**duals, **buffers}, (x,)))


@pytest.mark.parametrize("trains", ["all", "bias", "0.weight"])
@pytest.mark.parametrize("name", NETWORKS)
def test_equals_torchs_forward_mode(name, trains):
    torch.manual_seed(0)
    net, x = frozen(NETWORKS[name]().to(D), trains), torch.randn(5, 6, dtype=D)
    params = trainable(net)
    tangent, rng = [torch.randn_like(p) for p in params.values()], save_rng()
    with under_rng(rng), recording(net) as products:
        net(x)
        products.open = False
    assert products.kept
    for given in (products, None):
        primal, slope = jvp(net, list(params.values()), tangent, (x,), rng, given)
        expected = torchs(net, params, tangent, x, rng)
        assert (primal - expected.primal).abs().max() < 1e-12
        assert (slope - expected.tangent).abs().max() < 1e-12
    assert all("forward" not in part.__dict__ for part in net.modules())


def test_products_are_taken_and_not_computed_again():
    net, x = dense(nn.Tanh()).to(D), torch.randn(2, 6, dtype=D)
    with recording(net) as products:
        net(x)
        products.open = False
    module, output, version = products.kept[1]
    products.kept[1] = (module, output + 1, 0)
    with torch.no_grad(), replaying(net, products):
        assert torch.allclose(net(x), output + 1)
    assert version == 0


def test_checkpoints_keep_nothing():
    net, x = dense(nn.Tanh()).to(D), torch.randn(2, 6, dtype=D)
    with recording(net) as products:
        out = checkpoint(net, x, use_reentrant=False)
        products.open = False
        out.sum().backward()
    assert not products.kept
