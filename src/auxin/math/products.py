"""Products with the Hessian and the Gauss-Newton matrix of a loss, by the cheapest mode that is right.

Units: G is one gradient (a forward and a backward pass), 3 forwards. Evaluations share one random state (so dropout
masks), run outside autocast, and take attention's MATH backend. A parameter that the loss does not reach has zeros.

| product | mode | cost |
| --- | --- | --- |
| Hessian | reverse over reverse on one retained graph | 1 G once, 2 G each |
| Hessian | forward over reverse, where there is no double backward | 3 G each |
| Gauss-Newton | one JVP and one VJP; no double backward | 1/3 G once (4/3 G more once per network), 5/3 G each |

Reverse over forward is not offered: in PyTorch 2.13 it is silently wrong through batch, layer, instance norm.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn

from auxin.errors import UnsupportedError
from auxin.math import transposed
from auxin.math.functional import jvp, placed, plain_attention
from auxin.math.graphs import graph_nodes
from auxin.math.params import Vector, dot, filled, leaves
from auxin.math.rng import Rng, save_rng, under_rng
from auxin.math.tree import detach, rebuild, tensors
from auxin.typing import Signals

Product = Callable[[Vector], Vector]
"""A matrix times a vector over the parameters."""

OutputCurvature = Callable[[Signals], Signals]
"""Q times a tangent of the signals; Q is symmetric and positive semi-definite."""

Mode = Literal["reverse_over_reverse", "forward_over_reverse"]
"""How the Hessian's products are taken."""


@contextmanager
def precisely(rng: Rng | None = None) -> Iterator[None]:
    """Run under a random state, outside autocast, with attention that has second derivatives."""
    cpu, cuda = torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False)
    with cpu, cuda, under_rng(rng), plain_attention():
        yield


@dataclass(frozen=True)
class Expansion:
    """The training loss around W: products with its curvature, and the signals to first order.

    Nothing is computed before it is needed, and the graph lives as long as the expansion.

    Attributes:
        product: Function that multiplies the curvature with a vector.
        tangent: S and S' = J u, the signals and their derivative in the direction u; both constants.
    """

    product: Product
    tangent: Callable[[Vector], tuple[Signals, Signals]]


@dataclass(frozen=True)
class _Graph:
    """grad_W as a function of the signals' cotangents u and of W, with its graph."""

    signals: Signals
    at: Vector
    cotangents: Vector
    slopes: Vector


def hessian(
    network: nn.Module,
    params: Sequence[Tensor],
    inputs: tuple[Any, ...],
    criterion: Callable[[Signals], Tensor],
    rng: Rng | None = None,
) -> Expansion:
    """The expansion with the Hessian of criterion(S(W)), reverse over reverse on one retained graph.

    The tangent is a JVP (3 forwards). Where an operation has no forward mode it comes from the graph, which
    holds grad_W as a linear function of the signals' cotangent u: 4 forwards, because torch's double backward
    of a convolution computes its other outputs as well.

    Args:
        network: Primary network.
        params: W, one tensor per trainable parameter; not changed.
        inputs: Positional arguments of the network.
        criterion: Training loss as a function of the signals.
        rng: Random state of the evaluation (None: the current one); the current one is restored.

    Raises:
        UnsupportedError: An operation of the network has no double backward.

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> around = hessian(layer, [torch.ones(1, 1)], (torch.ones(1, 1),), lambda s: (s ** 3).sum())
    >>> around.product([torch.ones(1, 1)]), around.tangent([torch.ones(1, 1)])
    ([tensor([[6.]])], (tensor([[1.]]), tensor([[1.]])))
    """
    state, made = save_rng() if rng is None else rng, cast(list[_Graph], [])

    def again(vector: Vector, of: Callable[[_Graph], Vector]) -> Vector:
        with _explained("double backward", "Gauss-Newton curvature"), precisely():
            made.extend([] if made else [_graph(network, params, inputs, criterion, state)])
            return differentiate(made[0].slopes, of(made[0]), vector, retain_graph=True)

    def tangent(vector: Vector) -> tuple[Signals, Signals]:
        with suppress(UnsupportedError):
            return _jvp(network, params, vector, inputs, state)
        slopes = again(vector, lambda graph: graph.cotangents)
        constant = detach(made[0].signals)
        return constant, rebuild(constant, slopes)

    return Expansion(lambda vector: again(vector, lambda graph: graph.at), tangent)


def _graph(
    network: nn.Module,
    params: Sequence[Tensor],
    inputs: tuple[Any, ...],
    criterion: Callable[[Signals], Tensor],
    rng: Rng,
) -> _Graph:
    at = leaves(params)
    with torch.enable_grad(), precisely(rng), placed(network, at) as module:
        signals = module(*inputs)
        ends = tensors(signals)
        cotangents = differentiate([criterion(signals)], ends, create_graph=True)
        cotangents = [c.requires_grad_() for c in cotangents]
        slopes = differentiate(ends, at, cotangents, create_graph=True)
    check_twice_differentiable(slopes)
    return _Graph(signals, at, cotangents, slopes)


def forward_hessian(
    network: nn.Module,
    params: Sequence[Tensor],
    inputs: tuple[Any, ...],
    criterion: Callable[[Signals], Tensor],
    rng: Rng | None = None,
) -> Expansion:
    """The expansion with the Hessian by forward over reverse, for networks without a double backward.

    Arguments and errors as for `hessian`.

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> around = forward_hessian(layer, [torch.ones(1, 1)], (torch.ones(1, 1),), lambda s: (s ** 3).sum())
    >>> around.product([torch.ones(1, 1)])
    [tensor([[6.]])]
    """
    state = save_rng() if rng is None else rng
    instead = "reverse_over_reverse, or Gauss-Newton curvature"

    def product(vector: Vector) -> Vector:
        with (
            _explained("forward mode over its backward", instead), torch.enable_grad(), precisely(state),
            forward_ad.dual_level(),
        ):  # fmt: skip
            duals = [forward_ad.make_dual(p, t) for p, t in zip(leaves(params), vector, strict=True)]
            with placed(network, duals) as module:
                loss = criterion(module(*inputs))
            slopes = torch.autograd.grad(loss, duals, allow_unused=True)
            tangents = [None if s is None else forward_ad.unpack_dual(s).tangent for s in slopes]
            return [t.detach() for t in filled(tangents, params)]

    return Expansion(product, lambda vector: _jvp(network, params, vector, inputs, state))


def gauss_newton(
    network: nn.Module,
    params: Sequence[Tensor],
    inputs: tuple[Any, ...],
    curvature: Callable[[Signals], OutputCurvature],
    rng: Rng | None = None,
) -> Expansion:
    """The expansion with J^T Q J, J the Jacobian of the signals and Q >= 0 the curvature of the loss in them.

    Schraudolph 2002. A product is one forward-mode pass and one backward pass on a retained graph.

    Args:
        network: Primary network.
        params: W, one tensor per trainable parameter; not changed.
        inputs: Positional arguments of the network.
        curvature: Function from the signals (constants) to the product with Q.
        rng: Random state of the evaluation (None: the current one); the current one is restored.

    Raises:
        UnsupportedError: An operation of the network has no forward mode, or a wrong one.

    >>> layer, three = nn.Linear(1, 1, bias=False), torch.full((1, 1), 3.0)
    >>> around = gauss_newton(layer, [layer.weight], (three,), lambda signals: lambda tangent: tangent)
    >>> around.product([torch.ones(1, 1)])
    [tensor([[9.]])]
    """
    state, at = save_rng() if rng is None else rng, leaves(params)
    made: list[tuple[list[Tensor], OutputCurvature]] = []

    def tangent(vector: Vector) -> tuple[Signals, Signals]:
        return _jvp(network, params, vector, inputs, state)

    def product(vector: Vector) -> Vector:
        signals, slope = tangent(vector)
        if not made:
            with torch.enable_grad(), precisely(state), placed(network, at) as module:
                made.append((tensors(module(*inputs)), curvature(signals)))
        ends, weigh = made[0]
        with precisely():
            if transposed.unseen(network):
                transposed.check(network, at, ends, tangent)
            return differentiate(ends, at, tensors(weigh(slope)), retain_graph=True)

    return Expansion(product, tangent)


def _jvp(
    network: nn.Module, params: Sequence[Tensor], vector: Vector, inputs: tuple[Any, ...], rng: Rng
) -> tuple[Signals, Signals]:
    with _explained("forward mode", "Hessian products, reverse over reverse"), precisely():
        return jvp(network, params, vector, inputs, rng)


def directional(function: Callable[[Signals], Tensor], signals: Signals, slope: Signals) -> Tensor:
    """d/deps f(S + eps S') at eps = 0, a constant of f's shape; f is cheap and needs no forward mode.

    >>> directional(lambda s: s ** 2, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0]))
    tensor([2., 4.])
    """
    at = leaves(tensors(signals))
    with torch.enable_grad(), precisely():
        values = function(rebuild(signals, at))
        dummy = torch.zeros_like(values, requires_grad=True)
        slopes = differentiate([values], at, [dummy], create_graph=True)
        return differentiate([dot(slopes, tensors(slope))], [dummy])[0]


def differentiate(
    ends: Sequence[Tensor],
    at: Sequence[Tensor],
    cotangents: Sequence[Tensor] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> Vector:
    """`torch.autograd.grad` with zeros where there is no path, and also where there is none at all."""
    live = [i for i, end in enumerate(ends) if end.requires_grad]
    if not live:
        return [torch.zeros_like(x) for x in at]
    found = torch.autograd.grad(
        [ends[i] for i in live],
        at,
        None if cotangents is None else [cotangents[i] for i in live],
        retain_graph=retain_graph,
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )
    return list(found)


def check_twice_differentiable(slopes: Sequence[Tensor]) -> None:
    """Refuse gradients whose own derivative torch would silently leave a part of.

    A function marked `once_differentiable` raises in a backward pass to all leaves, but `torch.autograd.grad`
    to given tensors never visits the node that raises and returns a wrong product.

    Raises:
        UnsupportedError: such a function is in the graph.
    """
    if any(node.name() == "torch::autograd::Error" for node in graph_nodes(slopes)):
        raise UnsupportedError(
            "An operation of the network has no double backward",
            found="an autograd.Function marked once_differentiable",
            do="Use Gauss-Newton curvature, or write its backward twice differentiable",
        )


@contextmanager
def _explained(what: str, instead: str) -> Iterator[None]:
    """Replace torch's error about a missing derivative by one that states what to do."""
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        signs = "not implemented|does not support|forward ad|immutable|differentiate twice|double backward"
        missing = any(sign in str(error).lower() for sign in signs.split("|"))
        if isinstance(error, UnsupportedError) or not (missing or isinstance(error, NotImplementedError)):
            raise
        raise UnsupportedError(
            f"An operation of the network has no {what}",
            found=str(error).split("\n", 1)[0],
            do=f"Use {instead}",
        ) from error
