"""The largest eigenvalue of a symmetric matrix, in modulus, from a few products."""

import torch

from auxin.math.params import norm, scale
from auxin.math.vectors import MatrixVector, Vector


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
