"""The idx format of MNIST: a magic number, the dimensions, then bytes; plain or gzipped."""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.data.reading.files import damaged, readable

_UNSIGNED_BYTE = 8


def read_idx(path: Path, dimensions: int) -> Tensor:
    """An idx file of unsigned bytes, uint8 of that many dimensions.

    Raises:
        DataError: The file is damaged, cut short, too long, or of another type.
    """
    data = path.read_bytes()
    if path.suffix == ".gz":
        with readable(path, "a whole gzip file", gzip.BadGzipFile, EOFError, zlib.error):
            data = gzip.decompress(data)
    head = 4 + 4 * dimensions
    if len(data) < head or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or data[3] != dimensions:
        raise damaged(
            path, f"an idx file, magic number 0000080{dimensions}", f"it begins {data[:4].hex() or 'empty'}"
        )
    shape = np.frombuffer(data, ">u4", dimensions, 4).tolist()
    if len(data) - head != prod(shape):
        raise damaged(
            path, f"{prod(shape):,} bytes of values of shape {shape}", f"{len(data) - head:,} bytes"
        )
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=head).reshape(shape).copy())
