"""What must hold of a data set before anything is computed with it."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from auxin.errors import DataError
from auxin.math.sparse import SparseRows
from auxin.tasks.base import Task
from auxin.typing import MISSING


def inputs(name: str, x: Tensor | SparseRows) -> None:
    """Images uint8 or float32 [N, C, H, W], or vectors float32 [N, D]; finite; at least one row."""
    image, vector = x.dim() == 4, x.dim() == 2
    if not (image and x.dtype in (torch.uint8, torch.float32)) and not (vector and x.dtype == torch.float32):
        raise DataError(
            f"The inputs of {name} have a shape or type that is not usable",
            expected="images, uint8 or float32 [N, C, H, W], or vectors, float32 [N, D]",
            found=f"{x.dtype} {list(x.shape)}",
        )
    if not x.numel():
        raise DataError(f"The inputs of {name} are empty", found=f"shape {list(x.shape)}")
    if x.is_floating_point() and not _finite(x):
        found = {"expected": "finite numbers"} if isinstance(x, SparseRows) else _not_finite(x)
        raise DataError(f"The inputs of {name} hold NaN or infinity", **found)


def _finite(x: Tensor | SparseRows) -> bool:
    if isinstance(x, SparseRows):
        return bool(x.isfinite().all())
    return all(bool(end.isfinite()) for end in x.aminmax())  # both are NaN where a value is; no copy is made


def _not_finite(x: Tensor) -> dict[str, str]:
    bad = ~x.isfinite()
    place = bad.nonzero()[0].tolist()
    where = f"row {place[0]}, " + (f"column {place[1]}" if x.dim() == 2 else f"position {place[1:]}")
    return {
        "expected": "finite numbers",
        "found": f"{float(x[tuple(place)])} at {where} (the first of {int(bad.sum())} such values)",
        "do": "Fill in or leave out such rows",
    }


def names(name: str, tasks: Collection[str], targets: Collection[str], main: str) -> None:
    """Every task has targets and the other way round; the main task is one of them."""
    if set(tasks) != set(targets):
        raise DataError(
            f"The tasks and the targets of {name} differ",
            expected=str(sorted(tasks)),
            found=str(sorted(targets)),
        )
    if main not in tasks:
        raise DataError(f"{name} has no main task {main!r}", expected=f"one of: {', '.join(sorted(tasks))}")


def targets(name: str, task: Task, target: Tensor, rows: int) -> None:
    """One target per row, int64 or floating point, that the task can learn from."""
    if target.dim() == 0 or target.shape[0] != rows:
        raise DataError(
            f"The target {task.name!r} of {name} does not fit the inputs",
            expected=f"{rows} values",
            found=f"shape {list(target.shape)}",
        )
    if target.dtype != torch.int64 and not target.is_floating_point():
        raise DataError(
            f"The target {task.name!r} of {name} has the wrong type",
            expected="int64 or a float type",
            found=str(target.dtype),
        )
    task.check(target)


def labels(what: str, target: Tensor, classes: int) -> None:
    """Class labels from 0 to classes - 1, or -1 where missing."""
    bad = (target < MISSING) | (target >= classes)
    if bad.any():
        row = int(bad.nonzero()[0])
        raise DataError(
            f"{what} has labels outside the range",
            expected=f"0 to {classes - 1}, or {MISSING} where missing",
            found=f"{int(target[row])} in row {row} (the first of {int(bad.sum())} such rows)",
        )


def test_rows(name: str, official_test: Tensor, rows: int) -> None:
    """A bool per row."""
    if official_test.dtype != torch.bool or tuple(official_test.shape) != (rows,):
        raise DataError(
            f"The mark of {name}'s test rows is not usable",
            expected=f"bool [{rows}]",
            found=f"{official_test.dtype} {list(official_test.shape)}",
        )


def blank(name: str, where: Tensor | SparseRows | None, x: Tensor | SparseRows) -> None:
    """A bool per value of vectors, and zeros there."""
    if where is not None and (where.dtype != torch.bool or where.shape != x.shape or x.dim() != 2):
        raise DataError(
            f"The mark of {name}'s missing values is not usable",
            expected=f"bool {list(x.shape)}, for vectors",
            found=f"{where.dtype} {list(where.shape)}",
        )
    if where is not None and _overlap(where, x):
        raise DataError(f"Missing values of {name} are not zero", expected="0 where they are marked")


def _overlap(where: Tensor | SparseRows, x: Tensor | SparseRows) -> bool:
    if isinstance(where, SparseRows) and isinstance(x, SparseRows):
        return where.matrix.multiply(x.matrix).count_nonzero() > 0
    return bool(x[where].any())  # type: ignore[index]


def groups(name: str, of: Sequence[str] | None, official_test: Tensor) -> None:
    """A group per row, none of them on both sides of the given split."""
    if of is None:
        return
    if len(of) != len(official_test):
        raise DataError(
            f"The groups of {name} do not fit the rows",
            expected=f"{len(official_test)} of them",
            found=f"{len(of)}",
        )
    test = {g for g, is_test in zip(of, official_test.tolist(), strict=True) if g and is_test}
    train = {g for g, is_test in zip(of, official_test.tolist(), strict=True) if g and not is_test}
    if both := sorted(test & train):
        raise DataError(
            f"Groups of {name} stand on both sides of the given split",
            expected="each group among the training rows or the test rows",
            found=f"{len(both):,} of them, {both[0].removeprefix('=')!r} the first",
            do="Leave out --split or --group, or correct the column",
        )


def parent(name: str, task: str, parents: Tensor, fine: Tensor, main: Tensor, width: int) -> None:
    """The main class of each class of an auxiliary task, and no row that contradicts it."""
    labels(f"The parents of the classes of {task!r} of {name}", parents, width)
    labels(f"The target {task!r} of {name}", fine, len(parents))
    bad = (fine >= 0) & (main >= 0) & (parents[fine.clamp_min(0)] != main)
    if bad.any():
        row = int(bad.nonzero()[0])
        raise DataError(
            f"The labels of {name} contradict the hierarchy",
            expected=f"main class {int(parents[fine[row]])} where {task!r} is {int(fine[row])}",
            found=f"main class {int(main[row])} in row {row} (the first of {int(bad.sum())} such rows)",
        )
