"""What the Gramian of the tasks' gradients tells: norms and cosines."""

import torch
from torch import Tensor


def norms(gramian: Tensor) -> Tensor:
    """The gradients' norms, [T]."""
    return gramian.diagonal().clamp(min=0).sqrt()


def cosine(product: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Cosines from an inner product and two norms; 0 where a gradient is zero.

    >>> cosine(torch.tensor([2.0, 0.0]), torch.tensor(1.0), torch.tensor([4.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    size = first * second
    return torch.where(size > 0, product / torch.where(size > 0, size, 1.0), 0.0)
