"""ARFF files: dense and sparse rows, quoted values, strings and dates; which attributes are labels (MEKA, Mulan)."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from auxin.data.reading.files import damaged
from auxin.errors import DataError

_TOKEN = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,\t'"][^,\t]*?|))\s*(,|\t|$)""")
_ATTRIBUTE = re.compile(
    r"""@attribute\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\S+?))(?:\s+|(?=\{))(.+)$""", re.I
)
_ESCAPED = re.compile(r"\\(.)")
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
    def zero(self) -> str:
        """What a sparse row means that leaves it out: 0, or the first of the values."""
        return self.values[0] if self.values else "0"


def read_arff(path: Path, encoding: str, verbatim: Collection[str]) -> pd.DataFrame:
    """The table: numbers as float64, all others as words; `?` is missing.

    Raises:
        DataError: A line that is no ARFF, with its number.
    """
    lines = path.read_text(encoding=encoding).splitlines()
    _, attributes, begin = _head(path, lines)
    rows = list(_rows(path, lines, begin, attributes))
    return pd.DataFrame(
        {
            a.name: _column(path, a, [row[place] for row in rows], verbatim)
            for place, a in enumerate(attributes)
        }
    )


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


def _rows(path: Path, lines: list[str], begin: int, attributes: list[Attribute]) -> Iterator[list[str]]:
    zeros = [attribute.zero for attribute in attributes]
    for number, line in enumerate(lines[begin:], begin + 1):
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        try:
            row = _sparse(text, zeros) if text.startswith("{") else _split(text)
            if len(row) == len(zeros) + 1 and re.fullmatch(r"\{[^}]*\}", row[-1]):
                raise ValueError("a weight of the row, which auxin does not read")
            if len(row) != len(zeros):
                raise ValueError(f"{len(row)} values")
        except (ValueError, IndexError) as error:
            expected = f"{len(zeros)} values in every row, as there are attributes"
            raise damaged(path, expected, f"line {number}: {error}", "Correct the line") from error
        yield row


def _sparse(text: str, zeros: list[str]) -> list[str]:
    """A row `{place value, place value}`; what it leaves out is zero, or the first value of its attribute."""
    if not text.endswith("}"):
        raise ValueError(f"a brace that does not end, or text behind it: {text[-40:]!r}")
    row = list(zeros)
    for part in _sparse_parts(text[1:-1].strip()):
        place, _, value = part.strip().partition(" ")
        number = int(place)
        if not 0 <= number < len(row):
            raise ValueError(f"the attribute number {place}, of {len(row)}")
        [row[number]] = _split(value.strip())
    return row


def _sparse_parts(text: str) -> list[str]:
    if "'" not in text and '"' not in text:
        return [part for part in text.split(",") if part.strip()]
    return re.findall(r"""\d+\s+(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]*)""", text)


def _column(path: Path, attribute: Attribute, cells: list[str], verbatim: Collection[str]) -> Any:
    missing = [cell == "?" or (cell == "" and attribute.kind == "numeric") for cell in cells]
    if attribute.kind == "numeric" and attribute.name not in verbatim:
        try:
            return np.array(
                [np.nan if gap else float(cell) for cell, gap in zip(cells, missing, strict=True)]
            )
        except ValueError as error:
            raise damaged(
                path, f"numbers in the attribute {attribute.name!r}", error, "Correct the cell"
            ) from error
    if attribute.values and (odd := sorted({*cells} - {*attribute.values, "?"})):
        expected = f"values of the attribute {attribute.name!r} among {', '.join(attribute.values[:20])}"
        raise damaged(
            path, expected, f"{odd[0]!r}", "Correct the cell, or name the value in the @attribute line"
        )
    if attribute.kind == "date":
        cells = [cell.replace("T00:00:00", "") for cell in cells]
    return pd.Series(cells, dtype="str").mask(np.array(missing, bool))


def _labels(path: Path, relation: str, names: list[str]) -> list[str]:
    """The label attributes that MEKA's `-C n` in the relation's name, or Mulan's XML file of the same name, says."""
    if match := re.search(r"-C\s+(-?\d+)", relation):
        count = int(match[1])
        return names[:count] if count >= 0 else names[count:]
    beside = path.with_suffix(".xml")
    return read_labels(beside, names) if beside.is_file() else []


def read_labels(path: Path, names: list[str]) -> list[str]:
    """The labels of Mulan's XML file.

    Raises:
        DataError: It is no XML of labels, or names one that is no attribute.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except ElementTree.ParseError as error:
        raise damaged(
            path, "XML of labels, as Mulan writes it", error, "Correct it, or name the labels with --target"
        ) from error
    found = [node.get("name", "") for node in root.iter() if node.tag.rpartition("}")[2] == "label"]
    if odd := [name for name in found if name not in names]:
        raise DataError(f"{path} names a label that is not an attribute: {odd[0]!r}")
    return found
