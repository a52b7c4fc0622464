"""Inputs of which most are zero: kept as SciPy's compressed rows, and dense where rows are taken."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

AT_ONCE = 1 << 24
"""Numbers that are dense at once, 64 MB of float32."""


class SparseRows:
    """Rows of inputs [N, D] of which most are zero, on the CPU. Indexing gives dense rows; `take` keeps them sparse.

    Where a program only takes batches of rows, it stands for a tensor: it has `shape`, `dtype`, `device`, `dim`,
    `split`, and `x[rows]` is a tensor.

    Args:
        matrix: The rows, float32 or bool; zeros that it stores are dropped, NaN is kept.

    >>> x = SparseRows(csr_matrix([[0.0, 2.0], [1.0, 0.0]], dtype=np.float32))
    >>> x[torch.tensor([1, 1])].tolist(), x.take(slice(0, 1)).shape
    ([[1.0, 0.0], [1.0, 0.0]], (1, 2))
    """

    device = torch.device("cpu")

    def __init__(self, matrix: Any) -> None:
        if not matrix.has_canonical_format or (matrix.data == 0).any():
            matrix = matrix.copy()  # whose arrays another matrix may share
            matrix.sum_duplicates()
            matrix.eliminate_zeros()
        self.matrix: Any = matrix
        self.dtype = torch.bool if matrix.dtype == np.bool_ else torch.float32

    @property
    def shape(self) -> tuple[int, int]:
        """(N, D)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def dim(self) -> int:
        """2."""
        return 2

    def numel(self) -> int:
        """N D."""
        return self.shape[0] * self.shape[1]

    def is_floating_point(self) -> bool:
        """Whether the rows are numbers."""
        return self.dtype == torch.float32

    def isfinite(self) -> Tensor:
        """Of each stored number, whether it is finite."""
        return torch.from_numpy(np.isfinite(self.matrix.data))

    def isinf(self) -> Tensor:
        """Of each stored number, whether it is infinite."""
        return torch.from_numpy(np.isinf(self.matrix.data))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        return torch.from_numpy(self.take(rows).matrix.toarray())

    def take(self, rows: Tensor | slice) -> "SparseRows":
        """Some rows: by number, by a mark per row, or a range of them."""
        return SparseRows(self.matrix[rows.cpu().numpy() if isinstance(rows, Tensor) else rows])

    def split(self, size: int) -> Iterator[Tensor]:
        """The rows as dense tensors, at most `size` rows and `AT_ONCE` numbers at a time."""
        size = at_once(self.shape[1], size)
        for begin in range(0, len(self), size):
            yield self[begin : begin + size]

    def cpu(self) -> "SparseRows":
        """Itself: the rows are on the CPU."""
        return self

    def masked_fill(self, mark: "SparseRows", value: float) -> "SparseRows":
        """The rows with another value where `mark` holds; they are zero there."""
        filled = mark.matrix.astype(np.float32)
        filled.data[:] = value
        return SparseRows(self.matrix + filled)

    def row_bytes(self) -> list[bytes]:
        """What each row holds: places and numbers, little-endian, with one NaN."""
        made = self.matrix
        made.sort_indices()
        numbers = np.where(np.isnan(made.data), np.float32(np.nan), made.data).astype("<f4").tobytes()
        places, ends = made.indices.astype("<i4").tobytes(), made.indptr.tolist()
        return [places[4 * a : 4 * b] + numbers[4 * a : 4 * b] for a, b in pairwise(ends)]

    def moments(self, blank: "SparseRows | None") -> tuple[Tensor, Tensor, Tensor]:
        """Mean and deviation of each column over its known values, and the mean of squares over all, float64 [D]."""
        n, width = self.shape
        place, x = self.matrix.indices, self.matrix.data.astype(np.float64)
        missing = 0 if blank is None else np.bincount(blank.matrix.indices, minlength=width)
        known = np.maximum(n - missing, 1)
        mean = np.bincount(place, x, width) / known
        away = np.bincount(place, (x - mean[place]) ** 2, width)
        zeros = np.maximum(n - missing - np.bincount(place, minlength=width), 0)
        std = np.sqrt((away + zeros * mean**2) / known)
        square = np.bincount(place, x**2, width) / max(n, 1)
        return torch.from_numpy(mean), torch.from_numpy(std), torch.from_numpy(square)

    def standardised(self, mean: Tensor, std: Tensor, blank: "SparseRows | None") -> "SparseRows":
        """(x - mean) / std, and 0 where missing; columns whose mean is 0 stay sparse."""
        over = (1 / std.double()).numpy()
        shift = (-mean.double() / std.double()).numpy()
        full = np.flatnonzero(shift)
        kept: Any = self.matrix.multiply(over).tocsr().astype(np.float32)
        if not len(full):
            return SparseRows(kept)
        dense = (kept[:, full].toarray() + shift[full]).astype(np.float32)
        if blank is not None:
            dense[blank.matrix[:, full].toarray()] = 0.0
        mask = np.ones(self.shape[1], np.float32)
        mask[full] = 0.0
        ends = np.arange(0, dense.size + 1, len(full))
        beside = csr_matrix((dense.ravel(), np.tile(full, len(self)), ends), shape=self.shape)
        return SparseRows((kept.multiply(mask).tocsr() + beside).astype(np.float32))


def at_once(width: int, most: int) -> int:
    """So many rows of this width are dense at once: at most `most`, and at most `AT_ONCE` numbers.

    >>> at_once(64, 1000), at_once(50_000, 1000)
    (1000, 335)
    """
    return max(1, min(most, AT_ONCE // max(width, 1)))
