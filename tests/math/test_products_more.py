"""Products under a given random state, and a network whose double backward torch would leave a part of."""

import pytest
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.nn.utils import weight_norm as weight_norm_by_hook
from torch.nn.utils.parametrizations import weight_norm

from auxin.errors import UnsupportedError
from auxin.math.functional import jvp
from auxin.math.products import gauss_newton, hessian
from auxin.math.rng import save_rng

D = torch.float64


class _Once(torch.autograd.Function):
    """A cube, whose backward cannot be differentiated."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


class Once(nn.Module):
    def forward(self, x):
        return _Once.apply(x)


def test_the_expansions_graph_refuses_what_has_no_double_backward() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), Once(), nn.Linear(4, 2)).to(D)
    params, x = list(network.parameters()), torch.randn(5, 3, dtype=D)
    around = hessian(network, params, (x,), lambda s: s.square().sum())
    with pytest.raises(UnsupportedError, match="no double backward"):
        around.product([torch.ones_like(p) for p in params])


def test_both_halves_of_a_gauss_newton_product_draw_the_same_masks() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)).to(D).train()
    params, x = list(network.parameters()), torch.randn(5, 3, dtype=D)
    state = save_rng()
    torch.rand(7)  # the present state is another one
    around = gauss_newton(network, params, (x,), lambda s: lambda t: t, state)
    u, v = ([torch.randn_like(p) for p in params] for _ in "uv")

    def inner(a, b) -> float:
        return float(sum((x * y).sum() for x, y in zip(a, b, strict=True)))

    assert inner(u, around.product(v)) == pytest.approx(inner(v, around.product(u)), rel=1e-12)
    tangent = around.tangent(v)[1]
    assert inner(v, around.product(v)) == pytest.approx(float(tangent.square().sum()), rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
@pytest.mark.parametrize("form", [weight_norm, weight_norm_by_hook])
def test_weight_normalisation_has_its_whole_curvature_and_a_forward_mode(form) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(form(nn.Linear(3, 4)), nn.Tanh(), form(nn.Linear(4, 2), dim=1)).to(D)
    params, x = list(network.parameters()), torch.randn(5, 3, dtype=D)
    u, step = [torch.randn_like(p) for p in params], 1e-6
    sides = []
    for sign in (1, -1):
        at = [(p + sign * step * t).detach().requires_grad_() for p, t in zip(params, u, strict=True)]
        out = functional_call(network, dict(zip(dict(network.named_parameters()), at, strict=True)), (x,))
        sides.append((out.detach(), torch.autograd.grad(out.square().sum(), at)))
    around = hessian(network, params, (x,), lambda s: s.square().sum())
    for found, a, b in zip(around.product(u), sides[0][1], sides[1][1], strict=True):
        torch.testing.assert_close(found, (a - b) / (2 * step), rtol=1e-6, atol=1e-7)
    tangent = jvp(network, params, u, (x,))[1]
    torch.testing.assert_close(tangent, (sides[0][0] - sides[1][0]) / (2 * step), rtol=1e-6, atol=1e-7)


class Pooled(nn.Module):
    """Products of pairs of probabilities, by an operation whose forward mode gives zero in PyTorch 2.13."""

    def __init__(self, by_scatter: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.by_scatter, self.body, self.head = by_scatter, nn.Linear(3, 6), nn.Linear(3, 2)

    def forward(self, x):
        z = torch.sigmoid(self.body(x))
        if self.by_scatter:
            groups = torch.arange(3).repeat_interleave(2).expand(len(x), 6)
            return self.head(
                z.new_full((len(x), 3), 7.0).scatter_reduce(1, groups, z, "prod", include_self=False)
            )
        return self.head(z.view(len(x), 3, 2).prod(2))


@pytest.mark.parametrize("dtype", [D, torch.float32])
def test_a_wrong_forward_mode_is_refused_by_gauss_newton_and_not_used_by_the_hessian(dtype) -> None:
    x = torch.randn(5, 3, dtype=dtype)
    wrong, right = (Pooled(by_scatter).to(dtype) for by_scatter in (True, False))
    vector = [torch.ones_like(p) for p in right.parameters()]
    with pytest.raises(UnsupportedError, match="Forward mode and the backward pass of the network"):
        gauss_newton(wrong, list(wrong.parameters()), (x,), lambda s: lambda t: t).product(vector)
    gauss_newton(right, list(right.parameters()), (x,), lambda s: lambda t: t).product(vector)
    one, other = (
        hessian(net, list(net.parameters()), (x,), lambda s: s.square().sum()).product(vector)
        for net in (wrong, right)
    )
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)
