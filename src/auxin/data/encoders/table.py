"""How a table's columns become inputs: the same for the training rows and for rows that come later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack

from auxin.data.encoders.cells import as_numbers
from auxin.data.encoders.checked import checked_as
from auxin.data.encoders.choice import EncoderChoice, choose, column_from
from auxin.data.encoders.columns import ColumnEncoder, blocks
from auxin.data.encoders.contract import Encoded, Encoder, Notify, warn
from auxin.data.encoders.notices import outside
from auxin.data.encoders.numbers import Numbers, ranges_of
from auxin.data.encoders.sparse_columns import compressed, densified, keeps_zero, runs, thin_of
from auxin.data.encoders.text import MAX_WORDS, TextEncoder
from auxin.data.encoders.tokens import Tokens, tokenised
from auxin.data.reading.columnar import read_memory, table_of
from auxin.data.reading.files import look_alike
from auxin.data.reading.frame import read_frame
from auxin.errors import DataError, naming


class TableEncoder(Encoder):
    """A table's input columns, each encoded by itself and put side by side.

    Args:
        columns: How each input column is encoded, in the inputs' order.
        others: Columns of the training table that are no inputs (targets, columns left out): new rows may
            have them or not.
        encoding: Encoding of text files.
    """

    kind: ClassVar[str] = "table"

    def __init__(
        self, columns: Sequence[ColumnEncoder], others: Sequence[str] = (), encoding: str = "utf-8"
    ) -> None:
        self.columns, self.others, self.encoding = tuple(columns), tuple(others), encoding

    @classmethod
    def of(
        cls,
        frame: Any,
        texts: Sequence[str],
        others: Sequence[str],
        encoding: str,
        keep: Sequence[str] = (),
        words: int = MAX_WORDS,
    ) -> tuple["TableEncoder", Any, EncoderChoice]:
        """The encoder of a table's input columns, fitted on all its rows until `fit` is given fewer.

        Returns:
            the encoder; the columns that are inputs, numbers as float64 however they were written; the choice that was
            made, with its notes.

        Raises:
            DataError: A column is neither numbers nor words, or none is left.
        """
        choice = choose(frame, texts, keep, words)
        if choice.left_out:
            frame = frame.drop(columns=choice.left_out)
        if not choice.columns:
            raise DataError(
                "No column is left as input",
                expected="columns besides the targets",
                found=" ".join([*choice.notes, *choice.left_note("--keep")]),
            )
        plain = set(frame.columns[frame.dtypes == np.float64])
        written = {
            c.name: c.values(frame[c.name])
            for c in choice.columns
            if isinstance(c, Numbers) and not c.sparse and c.name not in plain
        }
        frame = frame.assign(**written) if written else frame
        made = cls(choice.columns, [*others, *choice.left_out], encoding)
        return made.fit(frame), frame, choice

    def fit(self, raw: Any) -> "TableEncoder":
        """The encoder with categories, vocabularies and gaps of these rows, a DataFrame."""
        found: dict[str, tuple[bool, bool, tuple[float, float]]] = {}
        for names, block in blocks(raw, [c.name for c in self._plain(raw)]):
            parts = (np.isnan(block.min(0)).tolist(), _binary(block).tolist(), ranges_of(block))
            found |= dict(zip(names, zip(*parts, strict=True), strict=True))
        columns: list[ColumnEncoder] = []
        for c in self.columns:
            if isinstance(c, Numbers) and c.name in found:
                columns.append(c.of(*found[c.name]))
            else:
                columns.append(c if isinstance(c, Numbers) and c.sparse else c.fit(raw[c.name]))
        return self._with(columns)

    def _with(self, columns: Sequence[ColumnEncoder]) -> "TableEncoder":
        made = TableEncoder(columns, self.others, self.encoding)
        made.labels = self.labels
        return made

    @property
    def written(self) -> list[str]:
        """The columns whose cells are wanted as they are written: 01 is another category than 1."""
        return [c.name for c in self.columns if not isinstance(c, Numbers) or c.style]

    @property
    def learns(self) -> bool:
        """Whether anything of the encoder depends on the rows: all but columns of numbers without gaps does."""
        return not all(isinstance(c, Numbers) and not c.gaps for c in self.columns)

    def _plain(self, frame: Any) -> list[Numbers]:
        """The columns of numbers that are float64 already: they are encoded many at once."""
        kinds: dict[str, bool] = {str(name): kind == np.float64 for name, kind in frame.dtypes.items()}
        return [c for c in self.columns if isinstance(c, Numbers) and kinds[c.name]]

    def encoder_for(self, model: str) -> "TableEncoder":
        """Texts as a pretrained model's tokens, behind all other columns; else itself. `fit` follows."""
        columns = tokenised(self.columns, model)
        return self if columns == self.columns else self._with(columns)

    def model_options(self) -> dict[str, str]:
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
        return [c.name for c in self.columns if isinstance(c, TextEncoder)]

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """The ranges of columns that are words of a text, or numbers of which most are zero."""
        place, found, joined = 0, [], False
        for column in self.columns:
            if isinstance(column, Numbers) and column.sparse and found and found[-1][1] == place and joined:
                found[-1] = (found[-1][0], place + 1)
            elif keeps_zero(column):
                found.append((place, place + column.width))
            joined = isinstance(column, Numbers)
            place += column.width
        return tuple(found)

    def encode(self, source: Any, notify: Notify = warn) -> Encoded:
        """The inputs of a table: a file that auxin reads, a DataFrame, or columns by name."""
        if not isinstance(source, str | Path):
            return self.encode_frame(self._known(source, notify), notify)
        with naming(source):
            return self.encode_frame(read_frame(Path(source), self.encoding, self.written), notify)

    def _known(self, source: Any, notify: Notify) -> pd.DataFrame:
        """The columns of rows in memory that are inputs, as a file of the same content is read."""
        frame: Any = table_of(source)
        self._check(frame, notify)
        wanted = frame[[c.name for c in self.columns]]
        words = [c.name for c in self.columns if not isinstance(c, Numbers)]
        thin = thin_of(wanted)
        if not thin:
            made: Any = read_memory(wanted, words)
            for column in self.columns:
                if isinstance(column, Numbers):
                    column.check_typed(made[column.name])
            return made
        rest = read_memory(wanted.drop(columns=thin), words) if len(thin) < len(self.columns) else None
        kept = wanted[thin].reset_index(drop=True)
        return kept if rest is None else pd.concat([kept, rest], axis=1)

    def encode_frame(self, frame: Any, notify: Notify = warn) -> Encoded:
        """The inputs of a table in memory."""
        import torch

        large = len(frame) * sum(c.width for c in self.columns) > DENSE
        if large and any(keeps_zero(c) for c in self.columns):
            self._check(frame, notify)
            return self._compressed(frame, notify)
        x, blank = self.arrays(frame, notify)
        return torch.from_numpy(x), None if blank is None else torch.from_numpy(blank)

    def arrays(self, frame: Any, notify: Notify = warn) -> tuple[np.ndarray, np.ndarray | None]:
        """The inputs of a table in memory as arrays, without PyTorch: never kept sparse."""
        self._check(frame, notify)
        frame = densified(frame)
        begins = np.cumsum([0, *(column.width for column in self.columns)])
        x = np.empty((len(frame), int(begins[-1])), np.float32)
        places = dict(zip([c.name for c in self.columns], begins[:-1].tolist(), strict=True))
        plain = self._plain(frame)
        blank = _encode_numbers(frame, plain, places, x, notify)
        done = {column.name for column in plain}
        for column in self.columns:
            if column.name not in done:
                values, empty = column.encode(frame[column.name], notify)
                place = slice(places[column.name], places[column.name] + column.width)
                x[:, place] = values
                if empty.any():
                    blank = np.zeros(x.shape, bool) if blank is None else blank
                    blank[:, place] = empty
        for column in self.columns:
            if isinstance(column, Numbers) and column.low is not None and column.high is not None:
                place = places[column.name]
                known = x[:, place] if blank is None else x[~blank[:, place], place]
                outside(notify, column.name, known, (column.low, column.high))
        return x, blank

    def _compressed(self, frame: Any, notify: Notify) -> Encoded:
        """The inputs kept sparse: the texts' words are never dense, and the other columns only by themselves."""
        from auxin.math.sparse import SparseRows

        rest = [c for c in self.columns if not keeps_zero(c)]
        thin = [c.name for c in self.columns if isinstance(c, Numbers) and c.sparse]
        numbers = compressed(frame, thin)
        where_of = {name: number for number, name in enumerate(thin)}
        others = TableEncoder(rest, [*frame.columns], self.encoding)
        x, blank = others.arrays(frame, notify) if rest else (None, None)
        parts: list[tuple[csr_matrix, csr_matrix]] = []
        place = 0
        for several in runs(self.columns):
            column = several[0]
            if isinstance(column, Numbers) and column.sparse:
                made = numbers[:, where_of[column.name] : where_of[several[-1].name] + 1]
                gone = made.copy()
                gone.data = np.isnan(made.data)
                made.data = np.nan_to_num(made.data)
                parts.append((made, gone.astype(bool)))
            elif isinstance(column, TextEncoder):
                made = column.compressed(frame[column.name])
                parts.append((made, csr_matrix(made.shape, dtype=bool)))
            else:
                assert x is not None
                of = slice(place, place := place + column.width)
                gone = np.zeros((len(x), 0), bool) if blank is None else blank[:, of]
                made = csr_matrix(x[:, of])
                parts.append((made, csr_matrix(gone) if gone.size else csr_matrix(made.shape, dtype=bool)))
        joined, missing = (hstack(some, format="csr") for some in zip(*parts, strict=True))
        return SparseRows(joined), SparseRows(missing) if missing.nnz else None

    def _check(self, frame: Any, notify: Notify) -> None:
        known = [column.name for column in self.columns]
        if absent := [name for name in known if name not in frame.columns]:
            there = [str(c) for c in frame.columns]
            near = get_close_matches(absent[0], there, n=1, cutoff=0.6)
            rename = f"Is {near[0]!r} another name of {absent[0]!r}? Rename it" if near else "Add them"
            raise DataError(
                "Columns that the model was trained on are missing",
                expected=f"{len(known)} columns",
                found=f"no {', '.join(absent)}",
                do=look_alike(absent[0], there) or rename,
            )
        named = {*known, *self.others}
        if more := [str(name) for name in frame.columns if name not in named]:
            notify(f"Columns that were not used in training are ignored: {', '.join(more)}.")
        if not len(frame):
            raise DataError("There are no rows", expected="at least one")

    def state(self) -> dict[str, Any]:
        """Every column's state."""
        return {
            "kind": self.kind,
            "columns": [column.state() for column in self.columns],
            "others": list(self.others),
            "encoding": self.encoding,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TableEncoder":
        """The encoder that gave this state."""
        own: _State = checked_as(_State, state)
        return cls([column_from(c) for c in own.columns], own.others, own.encoding)


@dataclass
class _State:
    columns: list[dict[str, Any]]
    others: list[str]
    encoding: str


DENSE = 1 << 26
"""Tables with text of more numbers than this, 256 MB, are kept sparse."""
FIRST = 1000
"""Rows by which most columns are seen to hold more than 0 and 1."""

_MOST = float(np.finfo(np.float32).max)


def _binary(block: np.ndarray) -> np.ndarray:
    """Which columns hold 0 and 1 alone."""
    made = np.ones(block.shape[1], bool)
    for rows in (block[:FIRST], block):
        some = rows[:, made]
        made[made] = ((some == 0) | (some == 1) | np.isnan(some)).all(axis=0)
    return made


def _encode_numbers(
    frame: Any, columns: Sequence[Numbers], places: Mapping[str, int], x: np.ndarray, notify: Notify
) -> np.ndarray | None:
    """Write columns of numbers into their places; which values are missing, or None."""
    blank: np.ndarray | None = None
    known = {column.name: column for column in columns}
    for names, block in blocks(frame, list(known)):
        place = np.array([places[name] for name in names])
        gaps = np.array([known[name].gaps for name in names], bool)
        least = block.min(0)  # NaN where a value is
        if (least >= -_MOST).all() and block.max() <= _MOST:
            x[:, place] = block
            x[:, place[gaps] + 1] = 0.0
            continue
        empty = np.isnan(block)
        _check_range(frame, names, block, empty)
        x[:, place] = np.where(empty, 0.0, block)
        x[:, place[gaps] + 1] = empty[:, gaps]
        for number in np.flatnonzero(np.isnan(least)):
            known[names[number]].report_missing(int(empty[:, number].sum()), notify)
        if np.isnan(least).any():
            blank = np.zeros(x.shape, bool) if blank is None else blank
            blank[:, place] = empty
    return blank


def _check_range(frame: Any, names: Sequence[str], block: np.ndarray, empty: np.ndarray) -> None:
    """Refuse numbers that float32 cannot hold."""
    bad = ~((np.abs(block) <= _MOST) | empty)
    if bad.any():
        as_numbers(frame[names[int(np.flatnonzero(bad.any(0))[0])]])
