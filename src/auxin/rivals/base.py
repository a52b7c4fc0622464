"""The contract of a rival: what a person would use instead of auxin, as a scikit-learn estimator.

A rival is trained on the main task alone, on the same rows, folds and number of tries as every method. It takes
inputs as vectors [N, D] (NaN where a value is missing; images are flattened; where most are zero and the data set keeps
them sparse, a SciPy matrix, which only rivals with `compressed` take) and, for real-valued tasks, targets in
units of their spread.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.sparse import issparse

Kind = Literal["classes", "regression"]
Vectors = Any
"""Vectors [N, D]: an array, or a `csr_matrix` of SciPy, which has no types that a checker can follow."""
Option = bool | int | float | str
Options = Mapping[str, Option]
"""One try: the estimator's options by name."""

SPARSE = 0.6
"""Vectors of more than WIDE columns with a greater share of zeros than this are word counts or the like."""
WIDE = 100
MANY_COUNTS = 50
"""Fewer columns than this that are mostly zero, but hold other numbers than 0 and 1, are numbers beside categories."""


@dataclass(frozen=True)
class InputShape:
    """What a rival may know of the inputs before it is built.

    Attributes:
        rows: labelled training rows.
        columns: D.
        classes: How many classes there are; 0 for real values.
        dense: Where most values are zero, as in word counts: the columns that are not so; None elsewhere.
        flags: Columns of zeros and ones beside word counts, which are categories and not words.
        image: (C, H, W) where a row is a flattened image; None elsewhere.
        folder: Folder of a pretrained model of `transformers`; "" where there is none.
        compressed: Whether the inputs are a SciPy matrix of compressed rows.

    >>> InputShape.of(np.zeros((10, 200)), 10, 2).sparse
    True
    """

    rows: int
    columns: int
    classes: int = 0
    dense: tuple[int, ...] | None = None
    image: tuple[int, ...] | None = None
    folder: str = ""
    compressed: bool = False
    flags: tuple[int, ...] = ()

    @classmethod
    def of(cls, x: Vectors, rows: int, classes: int = 0) -> "InputShape":
        """The shape of these inputs."""
        some = x[:2000]
        if issparse(x):
            zero = 1 - some.getnnz(axis=0) / some.shape[0]
            most = np.asarray(some.max(axis=0).todense()).ravel()
            least = np.asarray(some.min(axis=0).todense()).ravel()
            total, squares = (np.asarray(part.sum(axis=0)).ravel() for part in (some, some.multiply(some)))
            binary = (most <= 1) & (least >= 0) & (total == squares)
        else:
            zero, binary = (some == 0).mean(0), ((some == 0) | (some == 1)).all(0)
            if x.shape[1] <= WIDE or float(zero.mean()) <= SPARSE:
                return cls(rows, x.shape[1], classes)
        dense, flags = _parts(zero > SPARSE, binary & (zero < 1))
        return cls(rows, x.shape[1], classes, dense, compressed=bool(issparse(x)), flags=flags)

    @property
    def sparse(self) -> bool:
        """Whether most values are zero."""
        return self.dense is not None

    @property
    def wide(self) -> bool:
        """Whether there are more columns than a boosted tree looks at quickly."""
        return self.columns > WIDE


def _parts(empty: np.ndarray, binary: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dense columns and the flags, from which columns are mostly zero, and which hold zeros and ones alone.

    >>> _parts(np.array([True, True, False]), np.array([True, False, True]))
    ((1, 2), ())
    """
    counts = empty & ~binary
    if not (empty & binary).any():
        return tuple(np.flatnonzero(~empty).tolist()), ()
    if counts.sum() < MANY_COUNTS:
        return tuple(np.flatnonzero(~empty | counts).tolist()), ()
    return tuple(np.flatnonzero(~empty).tolist()), tuple(np.flatnonzero(empty & binary).tolist())


class Rival(ABC):
    """One kind of estimator.

    Attributes:
        kinds: The kinds of task it can learn.
        package: The package that it needs beyond scikit-learn; "" for none.
        extra: The extra of auxin that installs the package.
        unlabelled: Whether it learns from rows without a main label too (their label is -1).
        compressed: Whether it learns from SciPy's compressed rows.
        weighted: Whether its `fit` takes a weight per row.
        simplicity: Its place in the order from simple to complex, 1 to 9; a tie goes to the simpler.
        most: labelled rows above which it is refused, since its time grows with their cube; 0: none.
        fewest: A class with fewer training rows than this is left out, and never predicted.
        quick: Options that make it cheaper and little worse, for folds that only compare.
        onnx: why it cannot be written as ONNX; "" where it can.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("classes", "regression")
    package: ClassVar[str] = ""
    extra: ClassVar[str] = ""
    unlabelled: ClassVar[bool] = False
    compressed: ClassVar[bool] = False
    weighted: ClassVar[bool] = True
    simplicity: ClassVar[int] = 5
    fewest: ClassVar[int] = 1
    most: ClassVar[int] = 0
    quick: ClassVar[Options] = {}
    onnx: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """The options to try, the likeliest first."""

    @classmethod
    @abstractmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, **options: Any) -> Any:
        """An unfitted estimator with `fit` and `predict_proba` (classes) or `predict` (real values).

        Args:
            kind: Kind of the task.
            shape: Shape of the inputs.
            seed: Seed of everything random in it.
            options: One of the tries.
        """

    @classmethod
    def trained(cls, estimator: Any) -> Any:
        """What is kept of a trained estimator, by default all of it."""
        return estimator


CONTRACT = Rival
