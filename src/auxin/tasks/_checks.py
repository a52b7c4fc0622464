"""What the kinds of task share: labels in any form, refusing bad arguments and targets, the mean of present entries."""

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError
from auxin.typing import MISSING


def bad_targets(task: str, expected: str, found: str, do: str = "") -> DataError:
    """The error for targets that a task cannot learn from."""
    return DataError(f"The targets of task {task!r} are not usable", expected=expected, found=found, do=do)


def check_size(task: str, what: str, size: int, least: int) -> None:
    """Refuse a task of too few classes, attributes or components."""
    if not isinstance(size, int) or isinstance(size, bool) or size < least:
        raise ConfigError(f"Task {task!r} needs {what}", expected=f"at least {least}", found=repr(size))


def check_shape(task: str, target: Tensor, shape: tuple[int | str, ...]) -> None:
    """Refuse targets of another shape; names stand for any size."""
    fits = target.dim() == len(shape) and all(
        isinstance(want, str) or want == has for want, has in zip(shape, target.shape, strict=True)
    )
    if not fits:
        text = "[" + ", ".join(map(str, shape)) + "]"
        raise bad_targets(task, f"shape {text}", f"shape {list(target.shape)}")


def check_labels(task: str, target: Tensor, classes: int) -> None:
    """Refuse class labels that are no whole numbers, or outside -1 (missing), 0, ..., classes - 1."""
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise bad_targets(task, "class numbers of an integer type", str(target.dtype))
    if target.numel() == 0:
        return
    low, high = int(target.min()), int(target.max())
    if low < -1 or high >= classes:
        raise bad_targets(
            task,
            f"class numbers 0 to {classes - 1}, or -1 where missing",
            f"{low} to {high}",
            "Number the classes from 0, or correct how many there are",
        )


def check_finite(task: str, target: Tensor) -> None:
    """Refuse real targets that are not floating point, or infinite (NaN stands for missing)."""
    if not target.is_floating_point():
        raise bad_targets(task, "floating-point numbers, NaN where missing", str(target.dtype))
    if bool(torch.isinf(target).any()):
        raise bad_targets(task, "finite numbers, or NaN where missing", "an infinite one")


def mean_present(values: Tensor, present: Tensor) -> Tensor:
    """The mean of each row's present entries, [B]; zero where there are none. Absent values must be zero."""
    axes = tuple(range(1, values.dim()))
    return values.sum(axes) / present.sum(axes).clamp(min=1)


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
