"""The terms of the weight update, each a function of one layer's weights, activities and readouts.

The twelve terms of the paper and two of ours (`competitive`, `reconstruct`). Every function gives [T, N_d, N_u]
(d: below, u: above).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.errors import RunError
from auxin.math.rule_network import EPSILON


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """What the terms of one layer may look at.

    Attributes:
        w: W with every column (receptive field) at unit root mean square, [T, N_d, N_u].
        below: x^(l-1), [T, N_d, B].
        below_standard: The same, standardised over the batch.
        above_standard: x^l, standardised over the batch, [T, N_u, B].
        normal: batch-normalised pre-activation of layer l, without bias, [T, N_u, B].
        sharpness: beta of the soft competition, a scalar.
        ridge: Ridge penalty of the reconstruction, a scalar.
    """

    w: Tensor
    below: Tensor
    below_standard: Tensor
    above_standard: Tensor
    normal: Tensor
    sharpness: Tensor
    ridge: Tensor


@dataclass(frozen=True, slots=True)
class UpdateTerm:
    """A term: how many low-rank readouts it needs of h below and above, and its formula."""

    lower: int
    upper: int
    formula: Callable[[Layer, list[Tensor], list[Tensor]], Tensor]
    text: str


def cross(below: Tensor, above: Tensor) -> Tensor:
    """R: readouts [T, N, K * B] of the layers below and above to [T, N_d, N_u], divided by K * B."""
    return below @ above.transpose(1, 2) / below.shape[2]


def symmetric(a: Tensor, b: Tensor) -> Tensor:
    """S(h) = (Q + Q^T) / sqrt(2) without its diagonal, over sqrt(N)."""
    q = a @ b.transpose(1, 2) / a.shape[2]
    s = (q + q.transpose(1, 2)) * 0.5**0.5
    s = s * (1 - torch.eye(s.shape[1], dtype=s.dtype, device=s.device))
    return s / s.shape[1] ** 0.5


def semidefinite(a: Tensor) -> Tensor:
    """Psd(h) = r r^T, over sqrt(N)."""
    return a @ a.transpose(1, 2) / (a.shape[2] * a.shape[1] ** 0.5)


def column_rms(x: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Root mean square of every column, [T, 1, N_u]."""
    return (x.square().mean(1, keepdim=True) + epsilon).sqrt()


def _decorrelation(layer: Layer) -> Tensor:
    x = layer.above_standard
    tau = layer.w @ (x @ x.transpose(1, 2)) / (x.shape[2] * x.shape[1] ** 0.5)
    return tau / (tau.square().mean((1, 2), keepdim=True) + 1e-8).sqrt()


def _hebb(layer: Layer) -> Tensor:
    return -layer.below_standard @ layer.above_standard.transpose(1, 2) / layer.below.shape[2]


def _omega(w: Tensor) -> Tensor:
    return (1 + w.square()).sqrt() - 1


def competitive(layer: Layer) -> Tensor:
    """Soft k-means: -(x - mean x)^T (a - mean a), a = softmax over units of beta * normal; columns at unit rms.

    This term is ours, not the paper's: prior knowledge written down by hand.
    """
    a = torch.softmax(layer.sharpness * layer.normal, dim=1)
    a = a - a.mean(2, keepdim=True)
    tau = -(layer.below - layer.below.mean(2, keepdim=True)) @ a.transpose(1, 2) / a.shape[2]
    return tau / column_rms(tau, 1e-12)


def reconstruct(layer: Layer) -> Tensor:
    """Minus the least-squares decoder of the layer below: -(x - mean x) a^T (a a^T + ridge B)^-1, columns at
    unit rms; a is `normal`.

    Weights that follow their own decoder do a power iteration on the covariance of x with symmetric
    orthogonalisation, whose fixed point is an orthonormal basis of the principal subspace. Solved in the
    batch's dimension, so that its cost does not depend on the width. This term is ours, not the paper's:
    prior knowledge written down by hand.
    """
    a = layer.normal
    batch = a.shape[2]
    gram = a.transpose(1, 2) @ a / batch + layer.ridge * torch.eye(batch, dtype=a.dtype, device=a.device)
    centred = layer.below - layer.below.mean(2, keepdim=True)
    try:
        decoder = torch.linalg.solve(gram, a.transpose(1, 2))
    except torch.linalg.LinAlgError as error:  # pyright: ignore[reportPrivateImportUsage]
        what = "The rule's reconstruction term has no solution on these rows"
        found = f"a ridge of {float(layer.ridge):.3g}, and activities of up to {float(a.abs().max()):.3g}"
        raise RunError(what, expected="a ridge above 0 and finite activities", found=found) from error
    tau = -centred @ decoder / batch
    return tau / column_rms(tau, 1e-12)


COMPETITIVE = "competitive"
RECONSTRUCT = "reconstruct"
OURS = (COMPETITIVE, RECONSTRUCT)
TERMS: dict[str, UpdateTerm] = {
    "w_base": UpdateTerm(0, 0, lambda layer, low, up: layer.w, "w"),
    "large_decay": UpdateTerm(0, 0, lambda layer, low, up: layer.w * layer.w.abs(), "w |w|"),
    "decorr_x": UpdateTerm(0, 0, lambda layer, low, up: _decorrelation(layer), "w corr(x_u), at unit rms"),
    "hebb": UpdateTerm(0, 0, lambda layer, low, up: _hebb(layer), "-x_d x_u"),
    "0_order": UpdateTerm(1, 1, lambda layer, low, up: cross(low[0], up[0]), "R"),
    "rbf": UpdateTerm(
        1, 1, lambda layer, low, up: torch.exp(-layer.w.square()) * cross(low[0], up[0]), "exp(-w^2) R"
    ),
    "1_order": UpdateTerm(1, 1, lambda layer, low, up: layer.w * cross(low[0], up[0]), "w R"),
    "lin_upper_symm": UpdateTerm(0, 2, lambda layer, low, up: layer.w @ symmetric(up[0], up[1]), "w S(h_u)"),
    "lin_upper_psd": UpdateTerm(0, 1, lambda layer, low, up: layer.w @ semidefinite(up[0]), "w P(h_u)"),
    "lin_lower_symm": UpdateTerm(
        2, 0, lambda layer, low, up: symmetric(low[0], low[1]) @ layer.w, "S(h_d) w"
    ),
    "sqr_upper_symm": UpdateTerm(
        0,
        2,
        lambda layer, low, up: _omega(layer.w) @ symmetric(up[0], up[1]) * layer.w.sign(),
        "[(sqrt(1 + w^2) - 1) S(h_u)] sign w",
    ),
    "sqr_lower_symm": UpdateTerm(
        2,
        0,
        lambda layer, low, up: symmetric(low[0], low[1]) @ _omega(layer.w) * layer.w.sign(),
        "[S(h_d) (sqrt(1 + w^2) - 1)] sign w",
    ),
}
