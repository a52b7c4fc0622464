"""The entropy terms that keep generated labels from collapsing, as functions of the targets alone.

Liu, Davison, Johns 2019, section 3.4, equation 7: sum_k ybar_k log ybar_k, with ybar the mean label of the
batch. The paper calls it the entropy loss; it is the *negative* entropy, it is added to the outer loss and
minimised, so it raises the entropy of the mean label. Rows without a label (NaN) do not enter the mean.
"""

import torch
from torch import Tensor

from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import has_label


def batch_entropy(targets: Tensor) -> Tensor:
    """sum_k ybar_k log ybar_k over all auxiliary classes (equation 7), a scalar in [-log K, 0].

    With a masked softmax this equals sum_c n_c/N (log n_c/N + sum_{k in c} ybar^c_k log ybar^c_k), where n_c
    of the N rows have primary class c: up to a constant it is `class_entropy` with the classes weighted by
    their rows.

    Args:
        targets: [B, K], rows of NaN where there is no label.

    >>> round(batch_entropy(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).item(), 4)
    -0.6931
    """
    labelled = has_label(targets)
    rows = targets.masked_fill(~labelled.unsqueeze(1), 0.0)
    return negative_entropy(rows.sum(dim=0) / labelled.sum().clamp_min(1))


def class_entropy(targets: Tensor, hierarchy: Hierarchy) -> Tensor:
    """The mean, over the primary classes in the batch, of sum_{k in c} ybar^c_k log ybar^c_k; a scalar.

    ybar^c is the mean label of the rows of primary class c. Each primary class counts the same, however few
    of its rows are in the batch. The primary class is read from the targets, so they must come from a masked
    softmax.

    Args:
        targets: [B, K], rows of NaN where there is no label.
        hierarchy: Hierarchy psi, the number of auxiliary classes of each primary class.

    >>> round(class_entropy(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), Hierarchy((1, 1))).item(), 4)
    0.0
    """
    rows = targets.masked_fill(~has_label(targets).unsqueeze(1), 0.0)
    parent = hierarchy.parent().to(targets.device)
    mass = rows.new_zeros(hierarchy.primary).index_add(0, parent, rows.detach().sum(dim=0))
    present = mass > 0
    means = rows.sum(dim=0) / torch.where(present, mass, 1.0)[parent]
    return negative_entropy(means) / present.sum().clamp_min(1)


def negative_entropy(p: Tensor) -> Tensor:
    """sum_k p_k log p_k with 0 log 0 = 0 and a finite derivative at 0.

    The derivative at 0 is -inf in theory; here it is the logarithm of the smallest normal number. So a class
    that no row of the batch may use (its mask is 0) gets 0 * finite = 0 and not NaN, and a class that hard
    labels never chose is still pushed up.

    >>> negative_entropy(torch.tensor([1.0, 0.0])).item()
    0.0
    """
    return (p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum()
