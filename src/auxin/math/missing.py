"""Missing entries: hidden from a computation and from its gradient."""

import torch
from torch import Tensor

from auxin.math.deferred import deferring, traced
from auxin.math.norms import transformed


def hide(values: Tensor, present: Tensor) -> Tensor:
    """`values` with the rows (or entries) that are not present replaced by zero, for autograd too.

    Hidden before a loss is computed and not after, so that neither a NaN target nor a non-finite output of
    such a row reaches the gradient of another. Where nothing is missing these are the values themselves.

    Args:
        values: Numbers [B, ...].
        present: Which of them are there, bool, of the values' shape or of its first dimensions.

    >>> hide(torch.tensor([[1.0, 2.0], [3.0, float("nan")]]), torch.tensor([True, False])).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """
    if complete(present):
        return values
    mask = present.reshape(present.shape + (1,) * (values.dim() - present.dim()))
    return torch.where(mask, values, 0)


def complete(present: Tensor) -> bool:
    """Whether nothing is missing, where that can be read without waiting: on a CPU, in a step that is not recorded.

    >>> complete(torch.tensor([True, True])), complete(torch.tensor([True, False]))
    (True, False)
    """
    readable = present.device.type == "cpu" and not (deferring() or traced() or transformed())
    return readable and bool(present.all())
