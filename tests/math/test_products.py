"""Second-derivative products against explicit matrices, through every norm layer, dropout and attention."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from auxin.errors import UnsupportedError
from auxin.math.functional import call, jvp, plain_attention
from auxin.math.params import dot, leaves, norm, trainable
from auxin.math.products import directional, forward_hessian, gauss_newton, hessian
from auxin.math.rng import save_rng, under_rng

NORMS: dict[str, Callable[[], nn.Module]] = {
    "batch": lambda: nn.BatchNorm1d(5),
    "layer": lambda: nn.LayerNorm(5),
    "instance": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 5)), nn.InstanceNorm1d(1, affine=True), nn.Flatten()
    ),
    "group": lambda: nn.GroupNorm(1, 5),
    "none": nn.Identity,
}
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def network(norm_layer: str = "none", *further: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), NORMS[norm_layer](), nn.Tanh(), *further, nn.Linear(5, 3)).double()


def parts(net: nn.Module) -> tuple[list[Tensor], Callable[..., Tensor], list[Tensor]]:
    params = list(trainable(net).values())
    torch.manual_seed(1)
    direction = [torch.randn_like(p) for p in params]
    return params, lambda w: nn.functional.cross_entropy(call(net, w, (X,)), Y), direction


def product_of(
    net: nn.Module, mode: str = "reverse_over_reverse", x: Tensor = X
) -> Callable[..., list[Tensor]]:
    """Products with the Hessian of the cross-entropy, in either mode."""
    made = {"reverse_over_reverse": hessian, "forward_over_reverse": forward_hessian}[mode]
    params = list(trainable(net).values())
    return made(net, params, (x,), lambda s: nn.functional.cross_entropy(s, Y)).product  # type: ignore[arg-type]


def double_backward(
    loss: Callable[..., Tensor], params: list[Tensor], direction: list[Tensor]
) -> list[Tensor]:
    """H u by torch alone."""
    at = leaves(params)
    slopes = torch.autograd.grad(loss(at), at, create_graph=True)
    return list(torch.autograd.grad(dot(slopes, direction), at))


def differences(loss: Callable[..., Tensor], params: list[Tensor], direction: list[Tensor]) -> list[Tensor]:
    """H u by the central difference of gradients: independent of every second-order mode."""
    eps, found = 1e-5, []
    for sign in (1.0, -1.0):
        at = leaves([p + sign * eps * d for p, d in zip(params, direction, strict=True)])
        found.append(torch.autograd.grad(loss(at), at))
    return [(a - b) / (2 * eps) for a, b in zip(*found, strict=True)]


def gap(found: list[Tensor], true: list[Tensor]) -> float:
    return float(norm([a - b for a, b in zip(found, true, strict=True)]) / norm(true))


@pytest.mark.parametrize("mode", ["reverse_over_reverse", "forward_over_reverse"])
@pytest.mark.parametrize("layer", NORMS)
def test_hessian_products_through_norm_layers(layer: str, mode: str):
    net = network(layer)
    params, loss, direction = parts(net)
    product = product_of(net, mode)
    if (layer, mode) == ("group", "forward_over_reverse"):
        with pytest.raises(UnsupportedError, match="reverse_over_reverse"):
            product(direction)
    else:
        assert gap(product(direction), differences(loss, params, direction)) < 1e-7


@pytest.mark.parametrize("layer", [n for n in NORMS if n != "group"])
def test_both_modes_agree_to_rounding(layer: str):
    net = network(layer)
    _, _, direction = parts(net)
    one, other = product_of(net)(direction), product_of(net, "forward_over_reverse")(direction)
    assert gap(one, other) < 1e-12


@pytest.mark.parametrize("mode", ["reverse_over_reverse", "forward_over_reverse"])
def test_dropout_draws_the_same_mask_in_every_product(mode: str):
    net = network("none", nn.Dropout(0.5))
    params, _, direction = parts(net)
    before = torch.get_rng_state()
    product = product_of(net, mode)
    first, second = product(direction), product(direction)
    assert gap(first, second) < 1e-14
    assert torch.equal(before, torch.get_rng_state())
    u = [torch.randn_like(p) for p in params]
    assert float(dot(u, first)) == pytest.approx(float(dot(product(u), direction)), rel=1e-10)


def test_gauss_newton_keeps_its_mask_whatever_is_drawn_in_between():
    net = network("none", nn.Dropout(0.5))
    params, _, direction = parts(net)
    product = gauss_newton(net, params, (X,), lambda s: lambda t: t).product
    first = product(direction)
    torch.randn(3)
    assert gap(first, product(direction)) < 1e-14
    u = [torch.randn_like(p) for p in params]
    assert float(dot(u, first)) == pytest.approx(float(dot(product(u), direction)), rel=1e-10)


def test_buffers_stay():
    net = network("batch")
    params, _, direction = parts(net)
    before = [b.clone() for b in net.buffers()]
    product_of(net)(direction)
    product_of(net, "forward_over_reverse")(direction)
    gauss_newton(net, params, (X,), lambda s: lambda t: t).product(direction)
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))


def test_a_parameter_out_of_reach_is_zero():
    net = network()
    net.register_parameter("unused", nn.Parameter(torch.ones(3).double()))
    params, _, direction = parts(net)
    names = list(trainable(net))
    products = [
        product_of(net),
        product_of(net, "forward_over_reverse"),
        gauss_newton(net, params, (X,), lambda s: lambda t: t).product,
    ]
    for product in products:
        assert float(product(direction)[names.index("unused")].norm()) == 0.0


@pytest.mark.parametrize("layer", NORMS)
def test_gauss_newton_is_the_explicit_matrix_and_positive(layer: str):
    net = network(layer)
    params, _, _ = parts(net)
    root = torch.randn(18, 18, dtype=torch.float64)
    q = root @ root.T
    product = gauss_newton(net, params, (X,), lambda s: lambda t: (q @ t.flatten()).reshape(6, 3)).product  # type: ignore[union-attr]
    shapes = [p.shape for p in params]
    jacobian = torch.autograd.functional.jacobian(lambda *w: call(net, w, (X,)).flatten(), tuple(params))  # type: ignore[union-attr]
    j = torch.cat([block.reshape(18, -1) for block in jacobian], 1)
    columns = []
    for unit in torch.eye(j.shape[1], dtype=torch.float64):
        pieces = [u.reshape(s) for u, s in zip(unit.split([s.numel() for s in shapes]), shapes, strict=True)]
        columns.append(torch.cat([x.flatten() for x in product(pieces)]))
    found = torch.stack(columns, 1)
    torch.testing.assert_close(found, j.T @ q @ j, rtol=1e-10, atol=1e-10)
    assert float(torch.linalg.eigvalsh((found + found.T) / 2).min()) > -1e-9


@pytest.mark.parametrize("layer", NORMS)
def test_the_expansion_has_the_same_products_and_the_jvp(layer: str):
    net = network(layer, nn.Dropout(0.3))
    params, loss, direction = parts(net)
    rng = save_rng()
    around = hessian(net, params, (X,), lambda s: nn.functional.cross_entropy(s, Y), rng)  # type: ignore[arg-type]
    signals, slope = jvp(net, params, direction, (X,), rng)
    with under_rng(rng):
        true = double_backward(loss, params, direction)
    assert gap(around.product(direction), true) < 1e-13
    assert gap([around.tangent(direction)[0]], [signals]) == 0.0  # type: ignore[list-item]
    assert gap([around.tangent(direction)[1]], [slope]) < 1e-13  # type: ignore[list-item]


def test_the_tangent_where_the_criterion_is_linear():
    net = network()
    params, _, direction = parts(net)
    around = hessian(net, params, (X,), lambda s: s.sum())  # type: ignore[union-attr]
    slope = jvp(net, params, direction, (X,))[1]
    assert gap([around.tangent(direction)[1]], [slope]) == 0.0  # type: ignore[list-item]
    around.product(direction)  # the tangent now comes from the retained graph
    assert gap([around.tangent(direction)[1]], [slope]) < 1e-13  # type: ignore[list-item]
    linear = nn.Linear(4, 3).double()
    flat = hessian(linear, list(linear.parameters()), (X,), lambda s: s.sum())  # type: ignore[union-attr]
    assert all(
        float(h.norm()) == 0.0 for h in flat.product([torch.ones(3, 4).double(), torch.ones(3).double()])
    )


def test_per_sample_inner_products_come_with_the_tangent():
    net = network("layer")
    params, _, direction = parts(net)
    signals, slope = jvp(net, params, direction, (X,))
    found = directional(lambda s: nn.functional.cross_entropy(s, Y, reduction="none"), signals, slope)  # type: ignore[arg-type]
    for i in range(6):
        at = leaves(params)
        loss = nn.functional.cross_entropy(call(net, at, (X,)), Y, reduction="none")[i]  # type: ignore[arg-type]
        assert float(found[i]) == pytest.approx(
            float(dot(torch.autograd.grad(loss, at), direction)), rel=1e-11
        )


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x.reshape(3, 2, 4)).reshape(6, 4))


def test_attention():
    torch.manual_seed(0)
    net = Attention().double()
    params, loss, direction = parts(net)
    with plain_attention():
        true = differences(loss, params, direction)
    assert gap(product_of(net)(direction), true) < 1e-6
    assert gap(product_of(net, "forward_over_reverse")(direction), true) < 1e-6
    gauss_newton(net, params, (X,), lambda s: lambda t: t).product(direction)


def test_autocast_is_left_out():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    params = list(net.parameters())
    direction = [torch.ones_like(p) for p in params]
    plain = product_of(net, x=X.float())(direction)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = product_of(net, x=X.float())(direction)
        newton = gauss_newton(net, params, (X.float(),), lambda s: lambda t: t).product(direction)
    assert gap(cast, plain) == 0.0
    assert (
        gap(newton, gauss_newton(net, params, (X.float(),), lambda s: lambda t: t).product(direction)) == 0.0
    )


class _Odd(torch.autograd.Function):
    """The identity, which can be differentiated once and in reverse only."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *grads):
        return grads[0]


class Odd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _Odd.apply(x)  # type: ignore[return-value]


class _NoForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, *grads):
        return grads[0]


class NoForward(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return _NoForward.apply(x)  # type: ignore[return-value]


def test_the_tangent_needs_no_forward_mode():
    params, _, direction = parts(network("none", NoForward()))
    around = hessian(network("none", NoForward()), params, (X,), lambda s: nn.functional.cross_entropy(s, Y))  # type: ignore[arg-type]
    slope = jvp(network(), params, direction, (X,))[1]
    assert gap([around.tangent(direction)[1]], [slope]) < 1e-13  # type: ignore[list-item]


def test_what_has_no_double_backward_is_refused_with_advice():
    net = network("none", Odd())
    with pytest.raises(UnsupportedError, match="Gauss-Newton"):
        product_of(net)(parts(net)[2])


def test_what_has_no_forward_mode_is_refused_with_advice():
    net = network("none", Odd())
    params, _, direction = parts(net)
    with pytest.raises(UnsupportedError, match="Hessian products"):
        gauss_newton(net, params, (X,), lambda s: lambda t: t).product(direction)
    with pytest.raises(UnsupportedError, match="reverse_over_reverse"):
        product_of(net, "forward_over_reverse")(direction)
