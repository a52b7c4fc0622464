"""Cells that list several labels: JSON, Python's lists, Label Studio's choices, or words between separators."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auxin.errors import DataError

SEPARATORS = (";", "|", ",")
_ITEM = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,\s'"\[\](){}]+)""")
EMPTY = "set()"
_BRACKETS = {"[": "]", "{": "}", "(": ")"}


@dataclass(frozen=True)
class LabelLists:
    """How cells list labels, and what each lists.

    Attributes:
        format: In words: what the cells are, or which separator stands between the labels.
        labels: The different labels, sorted.
        cells: The labels of each cell.
    """

    format: str
    labels: tuple[str, ...]
    cells: dict[str, frozenset[str]]


def bracketed(cell: str) -> bool:
    """Whether a cell is a list in brackets, such as `["a", "b"]`, or an empty set of Python's."""
    return cell == EMPTY or (len(cell) > 1 and _BRACKETS.get(cell[0]) == cell[-1])


def says_lists(cells: Sequence[str]) -> bool:
    """Whether different cells read as lists of labels: brackets, or separators between few words that come back.

    >>> says_lists(["a;b", "a", "b"]), says_lists(["a, b", "b, a", "a"]), says_lists(["Paris, France", "Rome, Italy"])
    (True, True, False)
    """
    if any(bracketed(cell) and not cell.startswith("(") for cell in cells):
        return all(bracketed(cell) or " " not in cell for cell in cells)
    mark = separator_of(cells)
    if mark is None:
        return False
    labels = {label for cell in cells for label in split(cell, mark)}
    return mark == ";" or len(labels) < len(cells)


def separator_of(cells: Sequence[str]) -> str | None:
    """The separator that most cells have; None where none has one."""
    counts = {mark: sum(mark in cell for cell in cells) for mark in SEPARATORS}
    best = max(SEPARATORS, key=lambda mark: counts[mark])
    return best if counts[best] else None


def split(cell: str, mark: str) -> frozenset[str]:
    """The words of a cell."""
    return frozenset(word.strip() for word in cell.split(mark) if word.strip())


def listed(name: str, cells: Sequence[str]) -> LabelLists:
    """What different cells list.

    Raises:
        DataError: A cell in brackets that is no list of labels, which is named.
    """
    if any(bracketed(cell) for cell in cells):
        made = {cell: _of_brackets(name, cell) for cell in cells}
        how = "lists in brackets"
    elif mark := separator_of(cells):
        made = {cell: split(cell, mark) for cell in cells}
        how = f"lists separated by {mark!r}"
    else:
        made = {cell: frozenset([cell]) for cell in cells}
        how = "one label per cell"
    return LabelLists(how, tuple(sorted(set().union(*made.values()))), made)


def vectors(cells: Sequence[str]) -> np.ndarray | None:
    """Cells that each list equally many numbers, some with a fraction, [cells, numbers]; None where they do not.

    >>> vectors(["[0.5, 1]", "[2, 3]"]).tolist(), vectors(["[1, 2]", "[2]"]), vectors(["[1, 2]"])
    ([[0.5, 1.0], [2.0, 3.0]], None, None)
    """
    if not all(cell.startswith("[") and bracketed(cell) for cell in cells):
        return None
    try:
        made = [json.loads(cell) for cell in cells]
        plain = all(type(number) in (int, float) for row in made for number in row)
    except (json.JSONDecodeError, RecursionError, TypeError):
        return None
    fractional = any(type(number) is float for row in made for number in row)
    same = len({len(row) for row in made}) == 1
    return np.array(made, np.float64) if plain and fractional and same else None


def _of_brackets(name: str, cell: str) -> frozenset[str]:
    if not bracketed(cell):  # Label Studio writes a single choice without brackets
        return frozenset([cell])
    if cell == EMPTY:
        return frozenset()
    try:
        return frozenset(_labels(json.loads(cell)))
    except json.JSONDecodeError:
        if cell[0] == "{" and ":" in cell:
            raise _no_list(name, cell) from None
        found = [next(part for part in match if part) for match in _ITEM.findall(cell[1:-1]) if any(match)]
        return frozenset(found)
    except (TypeError, RecursionError):
        raise _no_list(name, cell) from None


def _labels(made: Any) -> list[str]:
    """The labels of a JSON value: a list, Label Studio's `{"choices": [...]}`, or a list of those."""
    if made == {}:
        return []
    if isinstance(made, dict):
        if not isinstance(made.get("choices"), list | str):
            raise TypeError("no choices")
        return _labels(made["choices"])
    if isinstance(made, list):
        return [label for part in made if part is not None for label in _labels(part)]
    if isinstance(made, bool) or made is None:
        raise TypeError("no label")
    return [str(made).strip()]


def _no_list(name: str, cell: str) -> DataError:
    return DataError(
        f"A cell of {name!r} lists no labels",
        expected='a list such as ["a", "b"], or Label Studio\'s {"choices": ["a", "b"]}',
        found=cell[:120],
        do="Correct the cell, or empty it",
    )
