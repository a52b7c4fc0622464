"""Forward mode with products taken over and norms by fused kernels, against torch's own forward mode."""

from dataclasses import replace

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from torch import nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from auxin.hypergradients import BilevelProblem
from auxin.hypergradients._training_gradient import gradient_without_a_trace
from auxin.math.functional import jvp, save_rng, under_rng
from auxin.math.params import trainable
from auxin.math.tangents import KeptProduct, recording, replaying

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
        products.close()
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
        products.close()
    kept = products.kept[1]
    products.kept[1] = KeptProduct(kept.module, kept.value + 1, 0)
    with torch.no_grad(), replaying(net, products):
        assert torch.allclose(net(x), kept.value + 1)
    assert kept.version == 0


def test_statistics_of_batch_norms_are_taken_and_not_computed_again():
    net, x = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8)).to(D), torch.randn(5, 6, dtype=D)
    with recording(net) as products:
        expected = net(x)
        products.close()
    kept = products.kept[1]
    products.kept[1] = replace(kept, value=kept.value * torch.tensor([[1.0], [2.0]], dtype=D), version=0)
    along = [torch.ones_like(p) for p in net.parameters()]
    for given, factor in ((products, 2), (None, 1)):
        primal, _ = jvp(net, list(net.parameters()), along, (x,), None, given)
        assert torch.allclose(primal, factor * expected)


def test_statistics_of_half_precision_are_not_kept():
    net = nn.BatchNorm1d(3)
    with recording(net) as products:
        net(torch.randn(4, 3, dtype=torch.bfloat16))
    assert [kept.value for kept in products.kept] == [None]


class Counted(TorchDispatchMode):
    """How many convolutions are computed."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten.convolution.default
        return func(*args, **kwargs or {})


def test_an_input_without_a_tangent_has_no_product():
    layer, x = nn.Conv1d(2, 3, 2), torch.randn(4, 2, 5)
    with Counted() as counted:
        jvp(layer, list(layer.parameters()), [torch.ones_like(p) for p in layer.parameters()], (x,))
    assert counted.count == 2  # the output, and the weight's tangent


class DrawsMore(nn.Module):
    """A layer's dropout, and after it one that is no layer and is not kept."""

    def __init__(self):
        super().__init__()
        self.layer, self.line = nn.Dropout(0.5), nn.Linear(6, 8)

    def forward(self, x):
        return nn.functional.dropout(self.layer(self.line(x)), 0.5, True)


def test_masks_are_kept_and_later_draws_begin_where_they_began():
    net, x = DrawsMore().to(D), torch.randn(5, 6, dtype=D)
    params, rng = trainable(net), save_rng()
    with under_rng(rng), recording(net) as products:
        net(x)
        products.close()
    with under_rng(rng):
        _, second = (nn.functional.dropout(torch.ones(5, 8, dtype=D), 0.5, True) for _ in range(2))
    assert [type(kept.module) for kept in products.kept] == [nn.Linear, nn.Dropout]
    products.kept[1] = replace(products.kept[1], value=torch.ones(5, 8, dtype=torch.bool))
    tangent = [torch.ones_like(p) for p in params.values()]
    primal, _ = jvp(net, list(params.values()), tangent, (x,), rng, products)
    assert torch.equal(primal != 0, second != 0)


def test_outputs_that_are_cheap_for_their_memory_are_dropped():
    net = nn.Sequential(nn.Conv1d(1, 4, 3), nn.Conv1d(4, 64, 2), nn.Conv1d(64, 2, 1), nn.Linear(6, 9)).to(D)
    with recording(net) as products:
        net(torch.randn(2, 1, 9, dtype=D))
        assert all(kept.value is not None for kept in products.kept)
        products.close()
    columns, entries = [3, 4 * 2, 64, 6], [4 * 7, 64 * 6, 2 * 6, 2 * 9]
    mean = sum(c * n for c, n in zip(columns, entries, strict=True)) / sum(entries)
    assert 8 < mean < 64
    assert [kept.value is not None for kept in products.kept] == [False, False, True, True]


@pytest.mark.parametrize("context", [None, lambda batch: torch.ones(())])
def test_all_outputs_are_kept_only_beside_the_graph_of_a_context(context):
    net = nn.Sequential(
        nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 64, 2), nn.Conv1d(64, 2, 1)
    ).to(D)
    phi, losses = torch.ones((), dtype=D, requires_grad=True), lambda s, b, c=None: phi * s.square().mean()
    problem = BilevelProblem(net, losses, lambda s, b: s.mean(), [phi], context=context)
    kept = gradient_without_a_trace(problem, (torch.randn(2, 1, 9, dtype=D),)).products.kept
    there = [result.value is not None for result in kept if type(result.module) is nn.Conv1d]
    assert there == [context is not None] * 2 + [True]


def test_checkpoints_keep_nothing():
    net, x = dense(nn.Tanh()).to(D), torch.randn(2, 6, dtype=D)
    with recording(net) as products:
        out = checkpoint(net, x, use_reentrant=False)
        products.close()
        out.sum().backward()
    assert not products.kept
