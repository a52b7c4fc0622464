"""The main task's labels in rows that are predicted, by the names that the model knows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.data.encoders.contract import LabelForm
from auxin.data.encoders.numbers import Numbers
from auxin.data.reading.marks import COMMAS, MARKS, TRUTH, truth
from auxin.data.targets.cells import TargetColumn, cells_of
from auxin.data.targets.lists import listed
from auxin.data.targets.specs import TargetSpec
from auxin.errors import DataError
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.typing import MISSING


def labels_of(
    task: Task, column: Any, notify: Callable[[str], None], form: LabelForm | None = None
) -> Tensor | None:
    """A column's labels as the task has them; None where the task's labels are no such column.

    A label that the task does not know counts as missing and is named.

    Args:
        task: The main task.
        column: A pandas Series of labels as they are written.
        notify: Function that receives a sentence about unknown labels.
        form: How the training rows' labels were written; None: unknown.
    """
    known = isinstance(task, Classes | Ordered | Multilabel)
    # A class of the model is no mark of a missing label.
    usual = "" if MARKS & {*getattr(task, "label_names", ())} else None
    own = usual if form is None else form.missing
    cells = cells_of(column, TargetSpec(task.name, (task.name,), missing=own))
    if isinstance(task, Regression):
        return _numbers(cells, notify, form, column.attrs.get(COMMAS, False))
    if not known:
        return None
    return _attributes(task, cells, notify) if isinstance(task, Multilabel) else _classes(task, cells, notify)


def _numbers(
    cells: TargetColumn, notify: Callable[[str], None], form: LabelForm | None, commas: bool
) -> Tensor:
    """Numbers as the training rows had them: those of another unit are no labels."""
    if form is None:
        form = cells.form
    values = Numbers(cells.name, style=form.style, unit=form.unit).known(cells.words, commas)
    if odd := [word for word, value in zip(cells.words, values, strict=True) if np.isnan(value)]:
        unit = f", unit {form.unit}" if form.unit else ""
        how = f" as the training rows had ({form.style}{unit})" if form.style else ""
        notify(_notice(cells.name, odd, f"not numbers{how}"))
    return torch.from_numpy(np.append(values, np.nan)[cells.codes].astype(np.float32))


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan


def _classes(task: Classes | Ordered, cells: TargetColumn, notify: Callable[[str], None]) -> Tensor:
    place = _places(task.label_names)
    found = [_place(word, place) for word in cells.words]
    made = np.array([*found, MISSING], dtype=np.int64)[cells.codes]
    if odd := [word for word, number in zip(cells.words, found, strict=True) if number == MISSING]:
        rows = int(((made == MISSING) & cells.known).sum())
        notify(
            f"{rows:,} rows have labels of {cells.name!r} that the model does not know: {_shown(odd)}. No prediction "
            "of theirs is right, and a score leaves them out."
        )
    return torch.from_numpy(made)


def _places(names: tuple[str, ...]) -> dict[str | float, int]:
    """The classes' numbers by name; by meaning too where they are yes and no, and by value where they are numbers."""
    place: dict[str | float, int] = {name: number for number, name in enumerate(names)}
    if truth(names):
        return place | {TRUTH[name.lower()]: number for number, name in enumerate(names)}
    if not any(len(name) > 1 and name[0] == "0" and name.isdecimal() for name in names):
        values = {_number(name): number for number, name in enumerate(names)}
        return place | {value: number for value, number in values.items() if not np.isnan(value)}
    return place


def _place(word: str, place: dict[str | float, int]) -> int:
    return next(
        (place[key] for key in (word, TRUTH.get(word.lower()), _number(word)) if key in place), MISSING
    )


def _attributes(task: Multilabel, cells: TargetColumn, notify: Callable[[str], None]) -> Tensor | None:
    try:
        found = listed(task.name, cells.words)
    except DataError as error:
        notify(str(error))
        return None
    if odd := sorted({*found.labels} - {*task.label_names}):
        notify(_notice(cells.name, odd, "not known to the model"))
    table = np.full((len(cells.words) + 1, task.width), np.nan, np.float32)
    for number, word in enumerate(cells.words):
        table[number] = [name in found.cells[word] for name in task.label_names]
    return torch.from_numpy(table[cells.codes])


def _notice(name: str, odd: list[str], what: str) -> str:
    return f"Labels of {name!r} that are {what} are treated as missing: {_shown(odd)}."


def _shown(odd: list[str]) -> str:
    return ", ".join(map(repr, odd[:5])) + (" ..." if len(odd) > 5 else "")
