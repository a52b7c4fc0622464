"""What the kinds of task share: refusing bad arguments and targets, the mean of present entries."""

from collections.abc import Sequence

import torch
from torch import Tensor

from auxin.catalogue import unknown
from auxin.errors import ConfigError, DataError


def bad_targets(task: str, expected: str, found: str, do: str = "") -> DataError:
    """The error for targets that a task cannot learn from."""
    return DataError(f"The targets of task {task!r} are not usable", expected=expected, found=found, do=do)


def check_size(task: str, what: str, size: int, least: int) -> None:
    """Refuse a task of too few classes, attributes or components."""
    if not isinstance(size, int) or isinstance(size, bool) or size < least:
        raise ConfigError(f"Task {task!r} needs {what}", expected=f"at least {least}", found=repr(size))


def check_choice(kind: str, choice: str, known: Sequence[str]) -> None:
    """Refuse an unknown option, offering the nearest."""
    if choice not in known:
        raise ConfigError(unknown(kind, choice, list(known)))


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
