"""ARFF files: dense and sparse rows, quoted values, strings and dates; which attributes are labels (MEKA, Mulan)."""

import re
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix

from auxin.data.reading.files import damaged, readable
from auxin.errors import DataError

_TOKEN = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,\t'"][^,\t]*?|))\s*(,|\t|$)""")
_ATTRIBUTE = re.compile(
    r"""@attribute\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\S+?))(?:\s+|(?=\{))(.+)$""", re.I
)
_ESCAPED = re.compile(r"\\(.)")
DENSE = 1 << 26
"""Tables of more numbers than this are kept sparse."""
NUMBERS = ("numeric", "real", "integer")


@dataclass(frozen=True)
class Attribute:
    """One attribute of an ARFF file.

    Attributes:
        name: Name of the attribute.
        kind: numeric, nominal, string or date.
        values: Values of a nominal attribute.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()

    @property
    def numbers(self) -> bool:
        """Whether a cell is a number, and 0 where a sparse row leaves it out."""
        plain = all(value.isdecimal() and (value == "0" or value[0] != "0") for value in self.values)
        return self.kind == "numeric" or (self.kind == "nominal" and self.zero == "0" and plain)

    @property
    def zero(self) -> str:
        """What a sparse row means that leaves it out: 0, or the first of the values."""
        return self.values[0] if self.values else "0"


def read_arff(path: Path, encoding: str, verbatim: Collection[str]) -> pd.DataFrame:
    """The table: numbers as float64, all others as words; `?` is missing.

    Nominal attributes of the values 0, 1 and so on are numbers too. Where a table is large, its numbers are columns of
    pandas' `Sparse[float64]`.

    Raises:
        DataError: A line that is no ARFF, with its number.
    """
    lines = path.read_text(encoding=encoding).splitlines()
    _, attributes, begin = _head(path, lines)
    plain = [a.numbers and a.name not in verbatim for a in attributes]
    places, rows, values = array("q"), array("q"), array("d")
    words = {place: [] for place, number in enumerate(plain) if not number}
    count = 0
    for row in _data(path, lines, begin, len(attributes)):
        for cells, place in zip(words.values(), words, strict=True):
            cells.append(attributes[place].zero)
        for place, cell in row:
            if plain[place]:
                places.append(place)
                rows.append(count)
                values.append(_number(path, attributes[place], cell))
            else:
                words[place][-1] = cell
        count += 1
    made = {attributes[place].name: _words(path, attributes[place], cells) for place, cells in words.items()}
    block = coo_matrix((values, (rows, places)), (count, len(attributes))).tocsc()[:, np.flatnonzero(plain)]
    names = [a.name for a, number in zip(attributes, plain, strict=True) if number]
    numbers: Any = (
        pd.DataFrame.sparse.from_spmatrix(block, columns=names)
        if block.shape[0] * block.shape[1] > DENSE
        else pd.DataFrame(block.toarray(), columns=names)
    )
    if not made:
        return numbers
    joined: Any = pd.concat([numbers, pd.DataFrame(made)], axis=1)
    return joined[[a.name for a in attributes]]


def arff_columns(path: Path, encoding: str) -> tuple[list[str], list[str]]:
    """The attributes' names, and those that are labels by MEKA's `-C n` or by Mulan's XML file beside the file."""
    head = []
    with path.open(encoding=encoding) as stream:
        for line in stream:
            head.append(line)
            if line.strip().lower().startswith("@data"):
                break
    relation, attributes, _ = _head(path, head)
    names = [attribute.name for attribute in attributes]
    return names, _labels(path, relation, names)


def _head(path: Path, lines: list[str]) -> tuple[str, list[Attribute], int]:
    relation, found = "", []
    for number, line in enumerate(lines):
        text = line.strip()
        word = text.split(None, 1)[0].lower() if text else ""
        if word == "@relation":
            relation = text[len(word) :].strip()
        elif word == "@attribute":
            found.append(_attribute(path, text, number + 1))
        elif word == "@data":
            if not found:
                raise damaged(path, "@attribute lines before @data", "none", "Check the file")
            return relation, found, number + 1
        elif text and not text.startswith("%"):
            raise damaged(
                path, "@relation, @attribute or @data", f"line {number + 1}: {text[:60]!r}", "Check the file"
            )
    raise damaged(path, "a line @data", "none", "Check the file: it may be cut off")


def _attribute(path: Path, text: str, number: int) -> Attribute:
    match = _ATTRIBUTE.match(text)
    if match is None:
        raise damaged(path, "@attribute NAME KIND", f"line {number}: {text[:60]!r}", "Check the file")
    name = _unescaped(next(part for part in match.groups()[:3] if part is not None))
    kind = match[4].strip()
    if kind.startswith("{"):
        if "}" not in kind:
            raise damaged(path, "values in braces", f"line {number}: {text[:60]!r}", "Close the brace")
        return Attribute(name, "nominal", tuple(_split(kind[1 : kind.rindex("}")])))
    word = kind.split(None, 1)[0].lower()
    if word in NUMBERS:
        return Attribute(name, "numeric")
    if word in ("string", "date"):
        return Attribute(name, word)
    found = f"{word} in line {number}"
    raise damaged(
        path, "attributes that are numeric, nominal, string or date", found, "Save it without such attributes"
    )


def _split(text: str) -> list[str]:
    """The values of a row; those in quotes may hold commas."""
    if "'" not in text and '"' not in text:
        return [part.strip() for part in re.split(r"[,\t]", text)]
    found, place = [], 0
    while place <= len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"a quote that does not end, or text behind one: {text[place : place + 40]!r}")
        quoted = match[1] if match[1] is not None else match[2]
        found.append(match[3] if quoted is None else _unescaped(quoted))
        if not match[4]:
            return found
        place = match.end()
    return found


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _data(path: Path, lines: list[str], begin: int, count: int) -> Iterator[list[tuple[int, str]]]:
    """The rows, each as its entries by the attributes' numbers; those of a sparse row are not all there."""
    for number, line in enumerate(lines[begin:], begin + 1):
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        try:
            if text.startswith("{"):
                row = [*_entries(text, count)]
            else:
                row = [*enumerate(_split(text))]
                if len(row) == count + 1 and re.fullmatch(r"\{[^}]*\}", row[-1][1]):
                    raise ValueError("a weight of the row, which auxin does not read")
                if len(row) != count:
                    raise ValueError(f"{len(row)} values")
        except (ValueError, IndexError) as error:
            expected = f"{count} values in every row, as there are attributes"
            raise damaged(path, expected, f"line {number}: {error}", "Correct the line") from error
        yield row


def _entries(text: str, count: int) -> Iterator[tuple[int, str]]:
    """The entries of a row `{place value, place value}`."""
    if not text.endswith("}"):
        raise ValueError(f"a brace that does not end, or text behind it: {text[-40:]!r}")
    last = -1
    for part in _sparse_parts(text[1:-1].strip()):
        place, _, value = part.strip().partition(" ")
        number = int(place)
        if not last < number < count:
            raise ValueError(f"the attribute number {place} behind {last}, of {count}")
        last = number
        [value] = _split(value.strip())
        yield number, value


def _sparse_parts(text: str) -> list[str]:
    if "'" not in text and '"' not in text:
        return [part for part in text.split(",") if part.strip()]
    return re.findall(r"""\d+\s+(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]*)""", text)


def _words(path: Path, attribute: Attribute, cells: list[str]) -> Any:
    """A column of words; `?` is missing."""
    if attribute.values and (odd := sorted({*cells} - {*attribute.values, "?"})):
        expected = f"values of the attribute {attribute.name!r} among {', '.join(attribute.values[:20])}"
        raise damaged(
            path, expected, f"{odd[0]!r}", "Correct the cell, or name the value in the @attribute line"
        )
    missing = [cell == "?" or (cell == "" and attribute.kind == "numeric") for cell in cells]
    if attribute.kind == "date":
        cells = [cell.replace("T00:00:00", "") for cell in cells]
    return pd.Series(cells, dtype="str").mask(np.array(missing, bool))


def _number(path: Path, attribute: Attribute, cell: str) -> float:
    if cell in ("?", ""):
        return np.nan
    if attribute.values and cell not in attribute.values:
        _words(path, attribute, [cell])
    try:  # `readable` would take longer than all else that is done with a cell
        return float(cell)
    except ValueError as error:
        expected = f"numbers in the attribute {attribute.name!r}"
        raise damaged(path, expected, error, "Correct the cell") from error


def _labels(path: Path, relation: str, names: list[str]) -> list[str]:
    """The label attributes that MEKA's `-C n` in the relation's name, or Mulan's XML file of the same name, says."""
    if match := re.search(r"-C\s+(-?\d+)", relation):
        count = int(match[1])
        return names[:count] if count >= 0 else names[count:]
    beside = path.with_suffix(".xml")
    if not beside.is_file():
        return []
    do = "Correct it, or name the labels with --target"
    with readable(beside, "XML of labels, as Mulan writes it", ElementTree.ParseError, do=do):
        root = ElementTree.fromstring(beside.read_bytes())
    found = [node.get("name", "") for node in root.iter() if node.tag.rpartition("}")[2] == "label"]
    if odd := [name for name in found if name not in names]:
        raise DataError(f"{beside} names a label that is not an attribute: {odd[0]!r}")
    return found
