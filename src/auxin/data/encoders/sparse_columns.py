"""Columns of which most cells are zero: pandas' sparse columns as compressed rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from auxin.data.encoders.columns import ColumnEncoder
from auxin.data.encoders.numbers import Numbers
from auxin.data.encoders.text import TextEncoder


def keeps_zero(column: ColumnEncoder) -> bool:
    """Whether a column's inputs are a text's words, or numbers of which most are zero."""
    return isinstance(column, TextEncoder) or (isinstance(column, Numbers) and column.sparse)


def runs(columns: Sequence[ColumnEncoder]) -> list[list[ColumnEncoder]]:
    """The columns one by one, sparse numbers that stand together as one run."""
    found: list[list[ColumnEncoder]] = []
    for column in columns:
        sparse = isinstance(column, Numbers) and column.sparse
        if sparse and found and isinstance(before := found[-1][-1], Numbers) and before.sparse:
            found[-1].append(column)
        else:
            found.append([column])
    return found


def compressed(frame: Any, names: Sequence[str]) -> Any:
    """Columns of numbers as a compressed matrix of float32."""
    if all(isinstance(kind, pd.SparseDtype) for kind in frame[list(names)].dtypes) and names:
        return frame[list(names)].sparse.to_coo().tocsr().astype(np.float32)
    return csr_matrix(frame[list(names)].to_numpy(np.float32))


def densified(frame: Any) -> Any:
    """The frame with its sparse columns as others are."""
    names = thin_of(frame)
    if not names:
        return frame
    made = pd.DataFrame(frame[names].sparse.to_coo().toarray(), columns=names, index=frame.index)
    return pd.concat([frame.drop(columns=names), made], axis=1)


def thin_of(frame: Any) -> list[str]:
    """The names of pandas' sparse columns."""
    if not isinstance(frame, pd.DataFrame):
        return []
    return [str(name) for name, kind in frame.dtypes.items() if isinstance(kind, pd.SparseDtype)]
