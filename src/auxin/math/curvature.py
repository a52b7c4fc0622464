"""The curvature Q >= 0 of a criterion in the primary network's signals, for Gauss-Newton products.

A focal loss and a nonlinear combiner are not convex in the signals, so the criterion's own Hessian there is
not positive semi-definite. Two ways to a Q that is: the Fisher matrix of each task's output, weighted by
max(0, dC/dl) per sample (cheap for any number of classes), or the criterion's Hessian of each sample,
projected (needs nothing but the criterion; cubic in the number of outputs).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from auxin.errors import UnsupportedError
from auxin.math.params import leaves
from auxin.math.products import OutputCurvature, differentiate, precisely
from auxin.math.tree import rebuild, tensors
from auxin.math.vectors import random_like
from auxin.typing import Signals

LIMIT = 512
"""The most outputs per sample whose Hessian is written out."""


def softmax_fisher(logits: Tensor, tangent: Tensor, weight: Tensor) -> Tensor:
    """weight * (diag(p) - p p^T) t per sample, p = softmax(logits): the Fisher matrix of a class label.

    Args:
        logits: [B, C].
        tangent: Tangent t, [B, C].
        weight: max(0, dC/dl) of each sample's loss, [B]; zero where the label is missing.

    >>> softmax_fisher(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.tensor([2.0]))
    tensor([[ 0.5000, -0.5000]])
    """
    p = logits.softmax(-1)
    return weight.clamp(min=0).unsqueeze(-1) * (p * tangent - p * (p * tangent).sum(-1, keepdim=True))


def projected(criterion: Callable[[Signals], Tensor], signals: Signals) -> OutputCurvature:
    """The criterion's Hessian in each sample's signals, negative eigenvalues set to zero.

    Args:
        criterion: A scalar of the signals; a sum over samples of something.
        signals: S, tensors [B, ...] with the same B.

    Raises:
        UnsupportedError: The criterion couples samples (batch statistics inside it), or a sample has more
        than
            `LIMIT` outputs.

    >>> times = projected(lambda s: (s[:, 0] ** 2 - s[:, 1] ** 2).sum(), torch.zeros(1, 2))
    >>> times(torch.ones(1, 2))
    tensor([[2., 0.]])
    """
    at = leaves(tensors(signals))
    _check_width(at)
    with torch.enable_grad(), precisely():
        slopes = differentiate([criterion(rebuild(signals, at))], at, create_graph=True)
        flat = torch.cat([s.flatten(1) for s in slopes], 1)
        rows = [_joined(differentiate([column.sum()], at, retain_graph=True)) for column in flat.unbind(1)]
        blocks = torch.stack(rows, 1)
        _check_uncoupled(slopes, at, blocks)
    values, vectors = torch.linalg.eigh((blocks + blocks.mT) / 2)
    positive = (vectors * values.clamp(min=0).unsqueeze(1)) @ vectors.mT

    def times(slope: Signals) -> Signals:
        given = tensors(slope)
        product = (positive @ _joined(given).unsqueeze(2)).squeeze(2)
        widths = [t.flatten(1).shape[1] for t in given]
        pieces = [x.reshape(t.shape) for x, t in zip(product.split(widths, 1), given, strict=True)]
        return rebuild(slope, pieces)

    return times


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """[B, K] of parts [B, ...]."""
    return torch.cat([p.flatten(1) for p in parts], 1)


def _check_width(at: Sequence[Tensor]) -> None:
    rows, width = {t.shape[0] if t.dim() > 1 else None for t in at}, sum(t[0].numel() for t in at if t.dim())
    if len(rows) != 1 or None in rows or width > LIMIT:
        raise UnsupportedError(
            "The criterion's output Hessian cannot be written out",
            expected=f"signals [B, ...] of one batch size with at most {LIMIT} outputs per sample",
            found=f"shapes {[tuple(t.shape) for t in at]}",
            do="Give the problem an `output_curvature`, or use Hessian products.",
        )


def _check_uncoupled(slopes: Sequence[Tensor], at: Sequence[Tensor], blocks: Tensor) -> None:
    """Compare with the whole Hessian along one direction that tells the samples apart."""
    probe = random_like(list(at), seed=0)
    whole = _joined(differentiate(list(slopes), at, probe, retain_graph=True))
    apart = (blocks @ _joined(probe).unsqueeze(2)).squeeze(2)
    tolerance = 1e3 * torch.finfo(whole.dtype).eps
    if not bool((whole - apart).norm() <= tolerance * (whole.norm() + blocks.norm())):
        raise UnsupportedError(
            "The criterion couples the samples of a batch, so it has no curvature per sample",
            do="Give the problem an `output_curvature`, or use Hessian products.",
        )
