"""Between which numbers the training rows of each column lie, so that new rows of another unit are noted."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from auxin.data.encoders.columns import ColumnEncoder
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import outside
from auxin.data.encoders.numbers import Numbers


def report_ranges(
    columns: Sequence[ColumnEncoder], x: np.ndarray, blank: np.ndarray | None, notify: Notify
) -> None:
    """Say which columns of numbers lie elsewhere than in training."""
    for number, place in _places(columns):
        column: Any = columns[number]
        if column.low is not None and column.high is not None:
            outside(notify, column.name, _known(x, blank, place), (column.low, column.high))


def _places(columns: Sequence[ColumnEncoder]) -> Iterator[tuple[int, int]]:
    """Each column of numbers, and the place of its values among the inputs."""
    place = 0
    for number, column in enumerate(columns):
        if isinstance(column, Numbers):
            yield number, place
        place += column.width


def _known(x: np.ndarray, blank: np.ndarray | None, place: int) -> np.ndarray:
    return x[:, place] if blank is None else x[~blank[:, place], place]
