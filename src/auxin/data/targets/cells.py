"""A target's column as different words: which are missing, which are numbers, and what was decided."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from auxin.data.encoders.cells import FEW_ODD, MANY
from auxin.data.encoders.contract import LabelForm
from auxin.data.reading.decimal_mark import thousands
from auxin.data.reading.marks import AMONG_NUMBERS, BETWEEN, COMMAS, MARKS, as_written, too_long
from auxin.data.targets.specs import TargetSpec
from auxin.errors import DataError

Column = Any
"""A pandas Series; pandas has no types that a checker can follow."""
_PLAIN = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|Infinity)")


PLAIN = LabelForm()


@dataclass(frozen=True)
class TargetColumn:
    """A target's column.

    Attributes:
        name: Name of the column.
        codes: For each row, the place of its word in `words`; -1 where it is missing.
        words: The different words as they are written.
        numbers: Their numbers, or None where some word is none.
        odd: Words that are none, where almost all are numbers.
        notes: What was decided, in sentences.
        ranks: The words' places in an order of the column's own (a pandas Categorical's), or None.
        form: How the words are written.
    """

    name: str
    codes: np.ndarray
    words: tuple[str, ...]
    numbers: np.ndarray | None
    odd: tuple[str, ...]
    notes: tuple[str, ...]
    ranks: tuple[int, ...] | None = None
    form: LabelForm = PLAIN

    @property
    def known(self) -> np.ndarray:
        """Which rows have a word."""
        return self.codes >= 0


def word(value: object) -> str:
    """A value as it is written: whole floats without their fraction."""
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return str(value).strip()


CODE = re.compile(r"[+-]?0\d")
"""How a number begins that is a code."""


def cells_of(column: Column, spec: TargetSpec) -> TargetColumn:
    """The words of a column without the marks of missing values.

    Missing are empty cells, the user's own mark (`spec.missing`), and the usual marks: `?`, `NA` and the like always,
    `-`, `.` and `None` only where all other words are numbers. With the empty mark (`--missing NAME=`) only empty cells
    are.

    Raises:
        DataError: The column's cells are bytes.
    """
    codes, different = pd.factorize(column, use_na_sentinel=True)
    if any(isinstance(value, bytes) for value in different[:100]):
        raise DataError(
            f"The target {str(column.name)!r} holds bytes",
            expected="words or numbers; images of masks only as a target of pixels (--kind NAME=dense_classes)",
            do="Name another target",
        )
    words = [word(value) for value in different]
    own = {""} if spec.missing is None else {"", spec.missing}
    if spec.missing:  # -1.0 is -1 too, but a code such as 01 is not 1
        number = as_number(spec.missing)
        own |= {w for w in words if as_number(w) == number and not CODE.match(w)}
    marks, among = (MARKS, AMONG_NUMBERS) if spec.missing != "" else (frozenset({""}), frozenset({""}))
    rest = [w for w in words if w not in own | among]
    points = column.attrs.get(BETWEEN, False) and thousands(rest)
    numbers, form = _numbers(str(column.name), rest, column.attrs.get(COMMAS, False), points)
    gone = own | (among if numbers is not None and not numbers[1] else marks)
    kept = [w for w in dict.fromkeys(words) if w not in gone]
    place = {w: number for number, w in enumerate(kept)}
    table = np.array([*(place.get(w, -1) for w in words), -1], dtype=np.int64)
    codes = table[codes]
    values, odd, said = ({}, (), []) if numbers is None else numbers
    notes = [*_missing_notes(str(column.name), column, gone - {"", *own}), *said]
    if spec.missing and not own & {*words} - {""}:
        notes.append(f"No cell of {str(column.name)!r} is {spec.missing!r}, the value of --missing.")
    made = None if numbers is None or odd else np.array([values[w] for w in kept])
    ranks = None
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = {word(value): number for number, value in enumerate(column.cat.categories)}
        ranks = tuple(order[w] for w in kept)
    form = replace(form, missing=spec.missing)
    return TargetColumn(str(column.name), codes, tuple(kept), made, odd, tuple(notes), ranks, form)


def as_number(mark: str) -> float:
    """The number that a mark of missing values is; NaN, which equals nothing, where it is none."""
    try:
        return float(mark)
    except ValueError:
        return float("nan")


def _missing_notes(name: str, column: Column, gone: set[str] | frozenset[str]) -> list[str]:
    if pd.api.types.is_numeric_dtype(column):
        return []
    counts = column[column.isin(list(gone))].astype("str").value_counts()
    if counts.empty:
        return []
    shown = ", ".join(f"{mark!r} ({count:,})" for mark, count in counts.items())
    return [f"Missing in {name!r}: {shown}; --missing {name}= keeps such cells as labels."]


def _numbers(
    name: str, words: list[str], commas: bool, points: bool
) -> tuple[tuple[dict[str, float], tuple[str, ...], list[str]] | None, LabelForm]:
    """The words' numbers, words that are none, and what was decided, or None where no numbers are meant; their form."""
    plain = {w: float(w) for w in words if _PLAIN.fullmatch(w)}
    if len(plain) == len(words) and not points:
        return ((plain, (), []) if words and not too_long(plain) else None), PLAIN
    written = as_written(words, commas)
    if written is None:
        return None, PLAIN
    values = {**{w: plain[w] for w in plain if w in written.values}, **written.values}
    odd = written.odd
    many = len({*values.values()}) > MANY
    slip = odd and (len(odd) < FEW_ODD * len(words) or written.others) and many
    if odd and not slip:
        return None, PLAIN
    form = LabelForm(style=written.style.name, unit=written.unit)
    return (values, odd, [written.note(name)] if not odd else []), form


def refuse_odd(cells: TargetColumn, column: Column) -> None:
    """Refuse a column of numbers in which a few cells are none, and name the first."""
    if not cells.odd:
        return
    rows = np.flatnonzero(column.astype(str).str.strip().isin(list(cells.odd)).to_numpy())
    raise DataError(
        f"The column {cells.name!r} mixes numbers and words, or numbers of different units",
        expected="numbers written in one way, empty where missing",
        found=f"{cells.odd[0]!r} in row {rows[0]} (the first of {len(rows)} such rows)",
        do=f"Correct such cells, empty them, say that they are missing: --missing {cells.name}={cells.odd[0]}, or "
        f"that words are classes: --kind {cells.name}=classes",
    )
