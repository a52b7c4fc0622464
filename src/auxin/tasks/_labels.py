"""Labels in the forms in which people keep them, as the tasks take them."""

import torch
from torch import Tensor

from auxin.tasks._checks import bad_targets
from auxin.typing import MISSING


def class_numbers(task: str, target: Tensor, dims: int) -> Tensor:
    """Class numbers as int64 with `dims` dimensions, -1 where missing.

    Booleans are the classes 0 and 1, whole numbers of a floating-point type are class numbers, NaN and everything
    below zero is missing, and a dimension of size 1 too many is dropped.

    Raises:
        DataError: A number that is not whole.

    >>> class_numbers("breed", torch.tensor([[0.0], [float("nan")], [2.0]]), 1)
    tensor([ 0, -1,  2])
    """
    target = without_ones(target, dims)
    if target.is_floating_point():
        known = target.nan_to_num(MISSING, posinf=float("inf"), neginf=MISSING)
        wrong = known[(known != known.floor()) | known.isinf()]
        if wrong.numel():
            raise bad_targets(
                task,
                "class numbers, or NaN where missing",
                f"{wrong.numel()} numbers that are not whole, such as {float(wrong[0]):g}",
                "Number the classes 0, 1, 2 ..., or make the task one of real numbers (Regression)",
            )
        target = known
    return target.long().clamp(min=MISSING)


def one_hot_classes(task: str, target: Tensor) -> Tensor:
    """The class numbers of integer rows [B, C] with a single 1; -1 for a row without a positive entry.

    Raises:
        DataError: A row with several ones, or with other numbers.

    >>> one_hot_classes("breed", torch.tensor([[0, 1], [1, 0], [-1, -1]]))
    tensor([ 1,  0, -1])
    """
    rows = target.long()
    there = (rows > 0).any(1)
    known = rows[there]
    if bool((known.sum(1) != 1).any()) or bool((known < 0).any()):
        raise bad_targets(
            task,
            "class numbers [B], one-hot rows or distributions over the classes [B, C]",
            f"shape {list(target.shape)} with rows that are no one-hot rows",
            "Use a Multilabel task if several classes may hold at once",
        )
    return torch.where(there, rows.argmax(1), MISSING)


def real_numbers(target: Tensor, dims: int) -> Tensor:
    """Numbers as floating point with `dims` dimensions; a dimension of size 1 too many is dropped.

    >>> real_numbers(torch.tensor([[1], [2]]), 1)
    tensor([1., 2.])
    """
    target = without_ones(target, dims)
    return target if target.is_floating_point() else target.to(torch.get_default_dtype())


def without_ones(target: Tensor, dims: int) -> Tensor:
    """The target without its second dimension, where that is of size 1 and one too many."""
    return target.squeeze(1) if target.dim() == dims + 1 and target.shape[1] == 1 else target
