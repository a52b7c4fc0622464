"""How a table's columns become inputs: the same for the training rows and for rows that come later."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch

from auxin.data.encoders.choice import chosen, column_from
from auxin.data.encoders.columns import ColumnEncoder
from auxin.data.encoders.contract import HERE, Encoded, Encoder, Say, warn
from auxin.data.encoders.text import Text
from auxin.data.encoders.tokens import Tokens, tokenised
from auxin.data.reading.frame import read_frame
from auxin.errors import DataError, message


class Columns(Encoder):
    """A table's input columns, each encoded by itself and put side by side.

    Args:
        columns: how each input column is encoded, in the inputs' order.
        others: columns of the training table that are no inputs (targets, columns left out): new rows may
            have them or not.
        encoding: of text files.
    """

    kind: ClassVar[str] = "table"

    def __init__(
        self, columns: Sequence[ColumnEncoder], others: Sequence[str] = (), encoding: str = "utf-8"
    ) -> None:
        self.columns, self.others, self.encoding = tuple(columns), tuple(others), encoding

    @classmethod
    def of(
        cls, where: str, frame: Any, texts: Sequence[str], others: Sequence[str], encoding: str
    ) -> "Columns":
        """The encoder of a table's input columns, fitted on all its rows until `fit` is given fewer."""
        columns = [chosen(where, frame[name], texts) for name in frame.columns]
        return cls(columns, others, encoding).fit(frame)

    def fit(self, raw: Any) -> "Columns":
        """The encoder with categories, vocabularies and gaps of these rows, a DataFrame."""
        return Columns([c.fit(raw[c.name]) for c in self.columns], self.others, self.encoding)

    def suited(self, model: str) -> "Columns":
        """Texts as a pretrained model's tokens, behind all other columns; else itself. `fit` follows."""
        columns = tokenised(self.columns, model)
        return self if columns == self.columns else Columns(columns, self.others, self.encoding)

    def asks(self) -> dict[str, str]:
        """The numbers of tokens of the texts, "256+32"."""
        lengths = [str(c.width) for c in self.columns if isinstance(c, Tokens)]
        return {"texts": "+".join(lengths)} if lengths else {}

    @property
    def verbatim(self) -> int:
        """How many columns are tokens."""
        return sum(c.width for c in self.columns if isinstance(c, Tokens))

    @property
    def texts(self) -> list[str]:
        """The columns that are text."""
        return [c.name for c in self.columns if isinstance(c, Text)]

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """The ranges of columns that are words of a text."""
        place, found = 0, []
        for column in self.columns:
            if isinstance(column, Text):
                found.append((place, place + column.width))
            place += column.width
        return tuple(found)

    def encode(self, source: Any, say: Say = warn) -> Encoded:
        """The inputs of a table: a file that auxin reads, a DataFrame, or columns by name."""
        path = isinstance(source, str | Path)
        where = str(source) if path else HERE
        frame: Any = read_frame(Path(source), self.encoding) if path else pd.DataFrame(source)
        self._check(where, frame, say)
        x = np.empty((len(frame), sum(column.width for column in self.columns)), np.float32)
        blank: np.ndarray | None = None
        begin = 0
        for column in self.columns:
            values, empty = column.encode(where, frame[column.name], say)
            place = slice(begin, begin + column.width)
            x[:, place], begin = values, place.stop
            if empty.any():
                blank = np.zeros(x.shape, bool) if blank is None else blank
                blank[:, place] = empty
        return torch.from_numpy(x), None if blank is None else torch.from_numpy(blank)

    def _check(self, where: str, frame: Any, say: Say) -> None:
        known = [column.name for column in self.columns]
        if absent := [name for name in known if name not in frame.columns]:
            near = get_close_matches(absent[0], [str(c) for c in frame.columns], n=1, cutoff=0.6)
            raise DataError(
                message(
                    f"{where} lacks columns that the model was trained on",
                    expected=f"columns {', '.join(known)}",
                    found=f"no {', '.join(absent)}",
                    do=f"Is {near[0]!r} another name of {absent[0]!r}? Rename it" if near else "Add them",
                )
            )
        if more := [str(name) for name in frame.columns if name not in {*known, *self.others}]:
            say(f"Columns of {where} that the model was not trained on are not used: {', '.join(more)}.")
        if frame.empty:
            raise DataError(message(f"{where} has no rows", expected="at least one"))

    def state(self) -> dict[str, Any]:
        """Every column's state."""
        return {
            "kind": self.kind,
            "columns": [column.state() for column in self.columns],
            "others": list(self.others),
            "encoding": self.encoding,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Columns":
        """The encoder that gave this state."""
        return cls([column_from(c) for c in state["columns"]], state["others"], state["encoding"])
