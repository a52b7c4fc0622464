"""Rows known by what they hold, not by where they stand."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b, sha256

import torch
from torch import Tensor

from auxin.math.sparse import SparseRows

CONTENT = 16
"""How many bytes of a mark are the input's."""
AT_ONCE = 4096
"""Rows that are hashed at once: a copy of them is made."""
LABELLED = 24
"""How many bytes of a mark are the input's and the main label's."""


def marks(x: Tensor | SparseRows, main: Tensor, others: Sequence[Tensor]) -> list[bytes]:
    """Each row's mark: 16 bytes of its input's hash, 8 of its main label's, 8 of its other labels'.

    Equal inputs share the first 16 bytes; marks sort the same way whatever the order of the rows.
    """
    found: list[bytes] = []
    for begin in range(0, x.shape[0], AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        inputs = digests(x.take(part) if isinstance(x, SparseRows) else x[part], CONTENT)
        mains = digests(main[part], LABELLED - CONTENT)
        rest = [digests(other[part], 8) for other in others]
        extra = [blake2b(b"".join(labels), digest_size=8).digest() for labels in zip(*rest, strict=True)]
        found += map(b"".join, zip(inputs, mains, extra or [bytes(8)] * len(inputs), strict=True))
    return found


def digests(values: Tensor | SparseRows, size: int) -> list[bytes]:
    """The BLAKE2b hash of each row, `size` bytes; of its values and shape, with one zero and one NaN."""
    start = blake2b(f"{values.dtype}{tuple(values.shape[1:])}".encode(), digest_size=size)
    found: list[bytes] = []
    for row in values.row_bytes() if isinstance(values, SparseRows) else _rows(values):
        one = start.copy()
        one.update(row)
        found.append(one.digest())
    return found


def _rows(values: Tensor) -> list[memoryview]:
    """The bytes of each row, little-endian; -0.0 becomes 0.0 and every NaN the same NaN."""
    if values.is_floating_point():
        values = torch.where(values.isnan(), torch.full_like(values, torch.nan), values + 0.0)
    array = values.detach().cpu().numpy()
    data = memoryview(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    size = len(data) // max(array.shape[0], 1)
    return [data[start : start + size] for start in range(0, len(data), size)]


def ranked(rows: Iterable[int], marks: Sequence[bytes], key: str) -> list[int]:
    """The rows in an order drawn by `key` from their content alone; rows with equal inputs stand together.

    Taking a longer beginning of the list only ever adds rows.
    """
    secret = blake2b(key.encode(), digest_size=32).digest()

    def place(row: int) -> tuple[bytes, bytes]:
        mark = marks[row]
        return blake2b(mark[:CONTENT], key=secret, digest_size=16).digest(), mark

    return sorted(rows, key=place)


def fingerprint(parts: dict[str, Tensor], marks: Sequence[bytes]) -> str:
    """The SHA-256 of which contents, with which main labels, are in which part."""
    total = sha256()
    for name, rows in parts.items():
        total.update(f"{name} {len(rows)}\n".encode())
        for mark in sorted(marks[row][:LABELLED] for row in rows.tolist()):
            total.update(mark)
    return total.hexdigest()
