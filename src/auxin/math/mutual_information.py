"""Mutual information between two labellings of the same rows, hard or soft, in nats."""

import torch
from torch import Tensor


def joint(a: Tensor, b: Tensor) -> Tensor:
    """p(j, k) = mean over rows of a_j b_k, [J, K]: both labels drawn independently given the row.

    Args:
        a: Distributions, float [N, J].
        b: Distributions, float [N, K].
    """
    return a.double().T @ b.double() / a.shape[0]


def entropy(p: Tensor) -> Tensor:
    """- sum p log p, over the whole tensor, with 0 log 0 = 0.

    >>> round(entropy(torch.tensor([0.5, 0.5])).item(), 4)
    0.6931
    """
    return -torch.special.xlogy(p, p).sum()


def mutual_information(p: Tensor) -> Tensor:
    """I = H(j) + H(k) - H(j, k) of a joint distribution [J, K]; at least 0.

    >>> round(mutual_information(torch.eye(2) / 2).item(), 4)
    0.6931
    """
    return (entropy(p.sum(dim=1)) + entropy(p.sum(dim=0)) - entropy(p)).clamp_min(0.0)
