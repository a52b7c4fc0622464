"""How missing values, numbers, and yes and no are written in files."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

_MARKS = """
? NA N/A n/a #N/A #NA <NA> NaN nan NAN -NaN -nan NaT null NULL Null 1.#IND 1.#QNAN -1.#IND -1.#QNAN
"""
MARKS = frozenset(_MARKS.split()) | {"", "#N/A N/A"}
"""Cells that are missing in every column."""
_AMONG_NUMBERS = """
- -- --- . .. * None none NONE na missing n.a. N.A. n.d. N.D. nil Nil NIL unknown Unknown
#DIV/0! #VALUE! #REF! #NUM! #NAME? #NULL!
"""
AMONG_NUMBERS = MARKS | {*_AMONG_NUMBERS.split()}
"""Cells that are missing in a column whose other cells are numbers; among words they are words."""
TRUTH = {
    **dict.fromkeys(("1", "true", "yes", "t", "y", "on", "1.0"), 1.0),
    **dict.fromkeys(("0", "false", "no", "f", "n", "off", "0.0"), 0.0),
}
"""Yes and no, however they are written, in lower case."""

_UNIT = r"(?:[$€£¥₹]|US\$|USD|EUR|GBP|CHF|JPY|CAD|AUD)"
_MEASURES = """
kg g mg µg t lb lbs oz km m dm cm mm µm nm mi mile miles ft in inch inches yd m2 m² sqm km2 km² sqft m3 m³ l L dl cl ml
gal ms s sec secs min mins h hr hrs hour hours d day days week weeks month months yr yrs year years °C °F ° Hz kHz MHz
GHz W kW MW kWh V mV mA Pa hPa kPa bar mbar psi mmHg km/h kmh mph m/s kcal cal kJ px KB MB GB TB cc CC hp bhp rpm bpm dB
ppm kmpl
"""
_AFTER = "|".join(re.escape(unit) for unit in sorted(_MEASURES.split(), key=len, reverse=True))
EXACT = 2.0**53
"""From here on not every whole number is a float64."""
_THOUSANDS = r"(?:[1-9]\d{0,2}(?:[,'\u2019 \u00a0\u202f]\d{3})+|0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+"
_DECIMAL = r"(?:[1-9]\d{0,2}(?:[.'\u2019 \u00a0\u202f]\d{3})+|0|[1-9]\d*)(?:,\d+)?"


@dataclass(frozen=True)
class Style:
    """One way of writing numbers.

    Attributes:
        name: What a user calls it.
        pattern: Pattern of the whole cell.
        read: From a match of the pattern to the number.
    """

    name: str
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], float]


def _pattern(number: str) -> re.Pattern[str]:
    sign = r"(?P<sign>[-+\u2212]?|\()"
    return re.compile(
        rf"{sign}\s*(?P<before>{_UNIT})?\s*(?P<inner>[-+\u2212]?)(?P<number>{number})\s*(?P<after>%|{_UNIT}|{_AFTER})?\)?"
    )


def _grouped(match: re.Match[str]) -> float:
    return _signed(match, re.sub(r"[,'\u2019 \u00a0\u202f]", "", match["number"]))


def _with_comma(match: re.Match[str]) -> float:
    return _signed(match, re.sub(r"[.'\u2019 \u00a0\u202f]", "", match["number"]).replace(",", "."))


def _signed(match: re.Match[str], text: str) -> float:
    negative = (match["sign"] in ("-", "\u2212", "(")) != (match["inner"] in ("-", "\u2212"))
    return -float(text) if negative else float(text)


_HOURS = re.compile(
    r"(?P<sign>-?)(?:(?P<days>\d+) days?,? ?)?(?P<plus>\+?)"
    r"(?P<hours>\d{1,3}):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?"
)


def _hours(match: re.Match[str]) -> float:
    """Hours; as pandas writes them, "-1 days +23:00:00" is one hour less than nothing."""
    clock = int(match["hours"]) + int(match["minutes"]) / 60 + float(match["seconds"] or 0) / 3600
    days, sign = 24 * int(match["days"] or 0), -1 if match["sign"] else 1
    return sign * days + clock if match["plus"] else sign * (days + clock)


DECIMAL = "decimal commas"
"""The name of the style that has a comma before the fraction."""
GROUPED = "commas between thousands"
"""The name of the style that has a point there."""
STYLES = {
    style.name: style
    for style in (
        Style(GROUPED, _pattern(_THOUSANDS), _grouped),
        Style(DECIMAL, _pattern(_DECIMAL), _with_comma),
        Style("hours before the colon", _HOURS, _hours),
    )
}
"""The styles, in the order in which they are tried: 1,234 throughout is taken for thousands, unless other cells of the
file have a comma before the fraction, or semicolons part its fields and none has a point there."""
COMMAS = "decimal_commas"
"""The entry of a frame's `attrs` that says so."""
BETWEEN = "points_between_thousands"
"""The entry that says that other cells have a comma before the fraction, so that 1.234 is a thousand."""


@dataclass(frozen=True)
class NumericWords:
    """What a column of words is as numbers.

    Attributes:
        style: The style that suits most of its cells.
        values: The number of each cell that is one.
        odd: The cells that are none, or have another unit than most.
        unit: Most cells' unit, or "".
        others: Those of `odd` that have another unit.
    """

    style: Style
    values: dict[str, float]
    odd: tuple[str, ...]
    unit: str = ""
    others: tuple[str, ...] = ()

    def note(self, name: str) -> str:
        """A sentence that tells how a column is read, by a cell of it."""
        points = self.style.name == DECIMAL
        marked = [cell for cell in self.values if "," in cell or ":" in cell or (points and "." in cell)]
        cell = next(iter([*marked, *(c for c in self.values if not c.isdecimal()), *self.values]))
        how = f" with {self.style.name}" if marked else ""
        return f"Read as numbers{how}: {name} ({cell} is {self.values[cell]:.12g})."


def as_written(cells: Iterable[str], commas: bool = False) -> NumericWords | None:
    """Different cells as numbers in the style that suits most of them; None where it suits less than half.

    Args:
        cells: The cells.
        commas: Whether decimal commas are likelier than commas between thousands, where both suit.

    >>> as_written(["$12,345", "$7"]).values
    {'$12,345': 12345.0, '$7': 7.0}
    >>> as_written(["1,5", "2,75", "60%"]).odd
    ('60%',)
    """
    different = list(dict.fromkeys(cells))
    made = [_try(style, different) for style in STYLES.values()]
    best = max(made[1:] + made[:1] if commas else made, key=lambda one: len(one.values) + len(one.others))
    suits = 2 * (len(best.values) + len(best.others)) > len(different) and best.values
    return best if suits and not too_long(best.values) else None


def too_long(numbers: Mapping[str, float]) -> bool:
    """Whether whole numbers are so long that different ones are the same float: codes of digits, then.

    >>> too_long({"9007199254740992": 2.0**53, "9007199254740993": 2.0**53})
    True
    """
    long = {w: value for w, value in numbers.items() if abs(value) >= EXACT and w.lstrip("+-").isdecimal()}
    return len({*long.values()}) < len(long)


def _try(style: Style, cells: Sequence[str]) -> NumericWords:
    values: dict[str, float] = {}
    units: dict[str, str] = {}
    for cell in cells:
        match = style.pattern.fullmatch(cell)
        if match and cell.startswith("(") == cell.endswith(")"):
            values[cell], units[cell] = style.read(match), _unit(match)
    counts = {unit: list(units.values()).count(unit) for unit in set(units.values())}
    most = sorted(counts, key=lambda u: (-counts[u], u))
    unit = next(iter([u for u in most if u not in ("", "%")] if most[:1] == [""] else most), "")
    others = tuple(cell for cell, own in units.items() if not _goes_with(own, unit))
    for cell in others:
        del values[cell]
    return NumericWords(style, values, tuple(cell for cell in cells if cell not in values), unit, others)


def _unit(match: re.Match[str]) -> str:
    """The unit of a number: one day and two days have the same one."""
    found = match.groupdict()
    unit = found.get("before") or found.get("after") or ""
    return unit.removesuffix("s") if len(unit) > 2 else unit


def _goes_with(own: str, most: str) -> bool:
    """Plain numbers go with a unit; per cent goes with nothing else."""
    return own == most or ("" in (own, most) and "%" not in (own, most))


def number_of(cell: str, style: Style, unit: str | None = None) -> float | None:
    """A cell as a number in a style; None where it is none, or has another unit (None: any is right)."""
    match = style.pattern.fullmatch(cell)
    if match is None or cell.startswith("(") != cell.endswith(")"):
        return None
    return style.read(match) if unit is None or _goes_with(_unit(match), unit) else None


def truth(cells: Iterable[str]) -> bool:
    """Whether different words are yes and no, as one person writes them: not all of them the same.

    >>> truth(["True", "False"]), truth(["yes", "maybe"])
    (True, False)
    """
    said = [TRUTH.get(cell.strip().lower()) for cell in cells]
    return bool(said) and None not in said and len(set(said)) == len(said) <= 2
