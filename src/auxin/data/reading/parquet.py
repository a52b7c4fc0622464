"""Parquet tables of encoded images and class labels, as data set hubs publish them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from auxin.data.reading.files import damaged, readable
from auxin.data.reading.images import DAMAGE, opened, upright

_IMAGE_COLUMNS = ("img", "image")


def read_table(
    paths: Sequence[Path], columns: Mapping[str, str], shape: tuple[int, int, int]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Images uint8 [N, C, H, W] and labels int64 [N] of the shards of one table.

    Args:
        paths: The shards, in order.
        columns: The label columns to read, by the name to give them.
        shape: (C, H, W), which every image must have; C is 1 or 3.

    Raises:
        DataError: A shard is damaged, a column is missing, an image cannot be decoded or has another size.
    """
    images: list[np.ndarray] = []
    labels: dict[str, list[int]] = {name: [] for name in columns}
    for path in paths:
        with readable(path, "a whole Parquet file", pa.ArrowException, OSError):
            table = pq.read_table(path)
        image = next((c for c in _IMAGE_COLUMNS if c in table.column_names), None)
        absent = [c for c in columns.values() if c not in table.column_names]
        if image is None or absent:
            need = f"columns {' or '.join(_IMAGE_COLUMNS)}, {', '.join(columns.values())}"
            raise damaged(path, need, f"columns {', '.join(table.column_names)}", "Use another file")
        images += [_decode(path, i, cell, shape) for i, cell in enumerate(table[image].to_pylist())]
        for name, column in columns.items():
            cells: Any = table[column]
            if not pa.types.is_integer(cells.type) or cells.null_count:
                found = f"{cells.type}, {cells.null_count} empty"
                raise damaged(path, f"whole numbers in column {column}", found)
            labels[name] += cells.to_pylist()
    stacked = torch.from_numpy(np.stack(images) if images else np.zeros((0, *shape), np.uint8))
    return stacked, {name: torch.tensor(values, dtype=torch.int64) for name, values in labels.items()}


def _decode(path: Path, row: int, cell: Any, shape: tuple[int, int, int]) -> np.ndarray:
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(data, bytes):
        raise damaged(path, "an encoded image in every row", f"{type(data).__name__} in row {row}")
    try:
        with opened(data) as image:
            pixels = np.asarray(upright(image).convert("RGB" if shape[0] == 3 else "L"))
    except DAMAGE as error:
        raise damaged(path, "a readable image in every row", f"row {row}: {error}") from error
    pixels = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    if pixels.shape != shape:
        raise damaged(path, f"images of shape {shape}", f"{pixels.shape} in row {row}", "Use another file")
    return pixels
