"""How missing values, numbers, and yes and no are written in files."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MARKS = """
? NA N/A n/a #N/A #NA <NA> NaN nan NAN -NaN -nan NaT null NULL Null 1.#IND 1.#QNAN -1.#IND -1.#QNAN
"""
MARKS = frozenset(_MARKS.split()) | {"", "#N/A N/A"}
"""Cells that are missing in every column."""
AMONG_NUMBERS = MARKS | {"-", "--", "---", ".", "..", "None", "none", "NONE", "na", "missing", "n.a.", "N.A."}
"""Cells that are missing in a column whose other cells are numbers; among words they are words."""
TRUTH = {
    **dict.fromkeys(("1", "true", "yes", "t", "y", "on", "1.0"), 1.0),
    **dict.fromkeys(("0", "false", "no", "f", "n", "off", "0.0"), 0.0),
}
"""Yes and no, however they are written, in lower case."""

_UNIT = r"(?:[$€£¥₹]|US\$|USD|EUR|GBP|CHF|JPY|CAD|AUD)"
_THOUSANDS = r"(?:[1-9]\d{0,2}(?:[,'\u2019 \u00a0\u202f]\d{3})+|0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+"
_DECIMAL = r"(?:[1-9]\d{0,2}(?:[.'\u2019 \u00a0\u202f]\d{3})+|0|[1-9]\d*)(?:,\d+)?"


@dataclass(frozen=True)
class Style:
    """One way of writing numbers.

    Attributes:
        name: What a user calls it.
        pattern: Pattern of the whole cell, with the groups sign, before, number, after.
        decimal: The mark before the fraction.
    """

    name: str
    pattern: re.Pattern[str]
    decimal: str


def _pattern(number: str) -> re.Pattern[str]:
    sign = r"(?P<sign>[-+\u2212]?|\()"
    return re.compile(
        rf"{sign}\s*(?P<before>{_UNIT})?\s*(?P<inner>[-+\u2212]?)(?P<number>{number})\s*(?P<after>%|{_UNIT})?\)?"
    )


STYLES = {
    style.name: style
    for style in (
        Style("commas between thousands", _pattern(_THOUSANDS), "."),
        Style("decimal commas", _pattern(_DECIMAL), ","),
    )
}
"""The styles, in the order in which they are tried: 1,234 throughout is taken for thousands."""


@dataclass(frozen=True)
class NumericWords:
    """What a column of words is as numbers.

    Attributes:
        style: The style that suits most of its cells.
        values: The number of each cell that is one.
        odd: The cells that are none, or have another unit than most.
        unit: The unit of most cells ("%", "$", or "").
    """

    style: Style
    values: dict[str, float]
    odd: tuple[str, ...]
    unit: str


def as_written(cells: Iterable[str]) -> NumericWords | None:
    """Different cells as numbers in the style that suits most of them; None where it suits less than half.

    >>> as_written(["$12,345", "$7"]).values
    {'$12,345': 12345.0, '$7': 7.0}
    >>> as_written(["1,5", "2,75", "60%"]).odd
    ('60%',)
    """
    different = list(dict.fromkeys(cells))
    best = max((_try(style, different) for style in STYLES.values()), key=lambda made: len(made.values))
    return best if different and 2 * len(best.values) > len(different) else None


def _try(style: Style, cells: Sequence[str]) -> NumericWords:
    values: dict[str, float] = {}
    units: dict[str, str] = {}
    for cell in cells:
        match = style.pattern.fullmatch(cell)
        if match and cell.startswith("(") == cell.endswith(")"):
            values[cell], units[cell] = _number(match, style), match["before"] or match["after"] or ""
    counts = {unit: list(units.values()).count(unit) for unit in set(units.values())}
    unit = max(sorted(counts), key=lambda u: counts[u], default="")
    for cell, own in units.items():
        if own != unit and not _goes_with(own, unit):
            del values[cell]
    return NumericWords(style, values, tuple(cell for cell in cells if cell not in values), unit)


def _goes_with(own: str, most: str) -> bool:
    """Plain numbers go with a currency; per cent goes with nothing else."""
    return "" in (own, most) and "%" not in (own, most)


def number_of(cell: str, style: Style) -> float | None:
    """A cell as a number in a style; None where it is none."""
    match = style.pattern.fullmatch(cell)
    return None if match is None or cell.startswith("(") != cell.endswith(")") else _number(match, style)


def _number(match: re.Match[str], style: Style) -> float:
    text = match["number"]
    if style.decimal == ",":
        text = re.sub(r"[.'\u2019 \u00a0\u202f]", "", text).replace(",", ".")
    else:
        text = re.sub(r"[,'\u2019 \u00a0\u202f]", "", text)
    negative = (match["sign"] in ("-", "\u2212", "(")) != (match["inner"] in ("-", "\u2212"))
    return -float(text) if negative else float(text)


def truth(cells: Iterable[str]) -> bool:
    """Whether different words are yes and no, as one person writes them: not all of them the same.

    >>> truth(["True", "False"]), truth(["yes", "maybe"])
    (True, False)
    """
    said = [TRUTH.get(cell.strip().lower()) for cell in cells]
    return bool(said) and None not in said and len(set(said)) == len(said) <= 2
