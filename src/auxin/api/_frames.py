"""A DataFrame as X: its columns are encoded as `auxin fit` encodes those of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from auxin.data.encoders.contract import Encoder
from auxin.data.encoders.table import TableEncoder
from auxin.data.reading.columnar import read_memory
from auxin.data.targets.columns import check_cells
from auxin.data.targets.copies import copies_note
from auxin.data.targets.leaks import coarse, determining_note, gives_away, useless
from auxin.data.targets.repeats import dates_note, repeats_note
from auxin.data.targets.single import blurred_note
from auxin.data.targets.stand_ins import stand_ins_note
from auxin.errors import DataError, naming
from auxin.math.sparse import SparseRows


@dataclass(frozen=True, eq=False)
class InputFrame:
    """X as a data set holds it.

    Attributes:
        x: float32 [N, D] (kept sparse where a text has very many words), or images.
        blank: which values are missing, bool [N, D], or None.
        encoder: makes inputs of new rows; None for arrays.
        raw: the columns that are inputs, for an encoder that is fitted again on the training rows; None for arrays.
        notes: what was decided for the user, in sentences.
        decisions: those of them that may not be meant: a column left out, y among the inputs, rows of one subject.
    """

    x: Tensor | SparseRows
    blank: Tensor | SparseRows | None = None
    encoder: Encoder | None = None
    raw: Any = None
    notes: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


def is_frame(x: Any) -> bool:
    """Whether X is a DataFrame, of pandas or another package that hands out Arrow tables (Polars)."""
    if type(x).__name__ == "LazyFrame":
        raise DataError("X is a LazyFrame, which holds no rows yet", do="Give X.collect()")
    return isinstance(x, pd.DataFrame) or (hasattr(x, "__arrow_c_stream__") and hasattr(x, "columns"))


def order_notes(x: Any, **others: Any) -> list[str]:
    """Sentences on arguments whose index has the labels of X's in another order: rows go by their places.

    >>> x = pd.DataFrame({"a": [1, 2]})
    >>> order_notes(x, y=pd.Series([1, 2], index=[1, 0]))[0][:60]
    'The index of y has the labels of that of X in another order.'
    """
    index = getattr(x, "index", None)
    found = []
    for name, other in others.items():
        parts = other.values() if isinstance(other, Mapping) else [other]
        own = [one.index for one in parts if isinstance(one, pd.Series | pd.DataFrame)]
        if isinstance(index, pd.Index) and any(_another_order(index, one) for one in own):
            found.append(
                f"The index of {name} has the labels of that of X in another order. Rows go by their places, as "
                f"everywhere in scikit-learn; if they should go by these labels, give {name}.loc[X.index]."
            )
    return found


def _another_order(first: pd.Index, second: pd.Index) -> bool:
    same = first.is_unique and len(first) == len(second) and not first.equals(second)
    return same and second.is_unique and bool(first.isin(second).all())


@naming("X")
def inputs_of(
    x: Any, target: Tensor, text: Sequence[str], keep: Sequence[str], *, grouped: bool = False
) -> InputFrame:
    """The columns as the command line encodes a table's: numbers, categories, dates and text.

    Columns of one value, running numbers and IDs are left out, as there. A column that holds y itself is used,
    since it was given as an input, and noted.

    Args:
        x: the DataFrame.
        target: the main labels, missing ones as a `Dataset` has them.
        text: columns that are text.
        keep: columns that stay although they look like IDs or running numbers.
        grouped: whether groups are given, so that columns that could be some need no mention.

    Raises:
        DataError: a column cannot be encoded, or none is left.
    """
    frame = read_memory(x)
    check_cells(frame)
    nothing = [name for name in useless(frame) if name not in keep]
    notes = []
    if nothing:
        shown = ", ".join(nothing)
        notes.append(f"Columns left out (a single value or a row counter; keep= keeps them): {shown}.")
    encoder, rest, choice = TableEncoder.of(frame.drop(columns=nothing), text, nothing, "utf-8", keep)
    notes += choice.left_note("keep=")
    real = target.is_floating_point()
    labels = (target.double() if real else target.double().masked_fill(target < 0, torch.nan)).numpy()
    if same := gives_away(rest, labels, labels if real else None):
        notes.append(f"Columns of X that contain y itself: {', '.join(same)}.")
    notes += determining_note(rest.drop(columns=same), target.numpy(), "leave it out of X")
    notes += [] if grouped else repeats_note(rest, 'fit(..., groups=X["NAME"])')
    notes += [] if grouped else copies_note(rest, target.numpy(), "leave NAME out of X")
    dates = [] if grouped else dates_note(rest, choice.dates, "judge the model by TimeSeriesSplit")
    notes += stand_ins_note(rest, "make them NaN") + blurred_note(coarse(rest))
    made, blank = encoder.encode_frame(rest)
    return InputFrame(made, blank, encoder, rest, (*choice.notes, *dates, *notes), tuple(notes))
