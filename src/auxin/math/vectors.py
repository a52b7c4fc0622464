"""Vectors beyond arithmetic: refuse what is not finite, measure a residual, go flat and back, find an eigenvalue."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from auxin.errors import RunError
from auxin.math.params import axpy, norm, scale

Vector = list[Tensor]
"""A vector over the trainable parameters of the primary network: one tensor per parameter."""

MatrixVector = Callable[[Vector], Vector]
"""A product with the (Gauss-Newton) Hessian of the training loss."""


def check_finite(vector: Vector, name: str = "The outer gradient v") -> float:
    """Refuse a vector with NaN or infinity in it; its norm.

    Raises:
        RunError: An entry is not finite.
    """
    length = float(norm(vector))
    if not math.isfinite(length):
        raise RunError(
            f"{name} is not finite",
            expected="finite numbers",
            found=f"a norm of {length}",
            do="Look at the outer loss and the learning rates: it diverged, or a target is NaN.",
        )
    return length


def relative_residual(product: MatrixVector, solution: Vector, vector: Vector, damping: float = 0.0) -> float:
    """|(H + damping I) p - v| / |v|, measured by one product (0 where v is zero)."""
    length = float(norm(vector))
    if length == 0.0:
        return 0.0
    applied = axpy(damping, solution, product(solution))
    return float(norm(axpy(-1.0, vector, applied))) / length


def flatten(vector: Sequence[Tensor]) -> Tensor:
    """All entries in one dimension, [n]."""
    return torch.cat([x.reshape(-1) for x in vector])


def unflatten(flat: Tensor, like: Vector) -> Vector:
    """The entries of `flat` [n] in the shapes of `like`."""
    return [x.reshape(y.shape) for x, y in zip(flat.split([y.numel() for y in like]), like, strict=True)]


def random_like(vector: Vector, seed: int) -> Vector:
    """Standard normal entries in the shapes of `vector`, from a generator of its own."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device) for x in vector]


def largest_eigenvalue(product: MatrixVector, like: Vector, steps: int, seed: int = 0) -> float:
    """A lower bound of max |lambda(H)| by power iteration: |H x| / |x| after `steps` products.

    Args:
        product: H times a vector, H symmetric.
        like: Vector with the shapes of the parameters.
        steps: Number of products; the estimate approaches max |lambda| from below.
        seed: Seed of the random initial vector.
    """
    x, size = random_like(like, seed), 0.0
    for _ in range(steps):
        length = float(norm(x))
        if length == 0.0:
            return 0.0
        x = product(scale(1.0 / length, x))
        size = float(norm(x))
    return size
