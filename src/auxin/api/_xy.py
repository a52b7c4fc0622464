"""scikit-learn's X and auxiliaries as a data set: what is a task, and what is refused."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from auxin.api._frames import InputFrame
from auxin.data import Dataset, Splits, make_splits
from auxin.data.reading.columnar import read_memory
from auxin.data.reading.marks import MARKS
from auxin.data.targets.arrays import array_target
from auxin.data.targets.columns import kinds_note, target_of
from auxin.data.targets.copies import copies_note
from auxin.data.targets.refinements import refinements
from auxin.data.targets.single import blurred_inputs, blurred_note
from auxin.data.targets.specs import DENSE, KINDS, TargetSpec
from auxin.errors import ConfigError, DataError
from auxin.runs.rows import grouped
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

USUAL_KINDS = tuple(kind for kind in KINDS if kind not in DENSE)
"""Kinds that an auxiliary of an estimator can be of."""


def images(x: np.ndarray) -> np.ndarray:
    """[N, D] as it is; [N, H, W] as one channel; [N, H, W, C] and [N, C, H, W] (C at most 4) channels first.

    >>> images(np.zeros((2, 8, 8, 3))).shape
    (2, 3, 8, 8)
    """
    if x.ndim == 2:
        return x
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and x.shape[3] <= 4:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    if x.ndim == 4 and x.shape[1] <= 4:
        return x
    raise DataError(
        "X has a shape that is not usable",
        expected="[N, D], or images [N, H, W], [N, H, W, C] or [N, C, H, W] with C at most 4",
        found=f"shape {list(x.shape)}",
    )


def unmasked(x: Any) -> Any:
    """A masked array with NaN where it is masked, since scikit-learn drops the mask; anything else as it is."""
    return np.ma.filled(x.astype(float), np.nan) if np.ma.isMaskedArray(x) else x


def inputs(x: np.ndarray) -> Tensor:
    """An array X as float32 (images of 8 bits as they are); NaN where a value of a vector is missing."""
    x = images(x)
    if x.ndim == 4 and x.dtype == np.uint8:
        return torch.from_numpy(x)
    with np.errstate(over="ignore"):
        made = torch.from_numpy(np.ascontiguousarray(x.astype(np.float32)))
    if bool(torch.isinf(made).any()):
        raise DataError("X holds infinity, or numbers too large for float32", expected="below 3e38")
    return made


@dataclass(frozen=True, eq=False)
class AuxiliaryTasks:
    """The auxiliary tasks.

    Attributes:
        made: Each one and its targets, by name.
        decisions: Sentences on auxiliaries that are left out, on kinds that were guessed from whole numbers, and on
            marks that count as missing.
    """

    made: dict[str, tuple[Task, Tensor]] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)


def auxiliary_tasks(auxiliaries: Any, rows: int, kinds: Mapping[str, str] | None = None) -> AuxiliaryTasks:
    """The auxiliary tasks.

    Args:
        auxiliaries: arrays by name, a DataFrame, or an array [N] or [N, K] whose columns are a task each.
        rows: N.
        kinds: Kinds of some of them, by name; the others are guessed.

    Raises:
        DataError: It has another number of rows, or a column makes no task.
        ConfigError: A kind is given to nothing, or is none.
    """
    kinds = dict(kinds or {})
    named = {} if auxiliaries is None else _named(auxiliaries)
    wrong = {n: k for n, k in kinds.items() if n not in named or k not in USUAL_KINDS}
    if wrong:
        raise ConfigError(
            "kinds is not usable",
            expected=f"a dictionary from auxiliaries ({', '.join(named) or 'none were given'}) to "
            f"{', '.join(USUAL_KINDS)}",
            found=str(wrong),
        )
    found = AuxiliaryTasks()
    for name, values in named.items():
        if len(values) != rows:
            raise DataError(
                f"The auxiliary {name!r} does not fit X",
                expected=f"{rows} rows",
                found=f"{len(values)}",
                do="In cross-validation give a DataFrame or an array: scikit-learn cuts those to the rows at hand",
            )
        if _constant(values):
            found.decisions.append(
                f"The auxiliary {name!r} has fewer than two different labels on these {rows:,} rows, so it is left out."
            )
            continue
        task, target, notes = _task(name, values, kinds.get(name))
        found.made[name] = task, target
        found.decisions.extend(note.partition("; --missing")[0].removesuffix(".") + "." for note in notes)
        if name not in kinds:
            found.decisions.extend(_guessed(name, values, task))
    return found


def _constant(values: np.ndarray) -> bool:
    """Whether the rows have fewer than two different labels, as the rows of a fold may have of a rare class."""
    if values.ndim != 1:
        return False
    known = pd.unique(values[~pd.isna(values)]).tolist()
    return len([label for label in known if not (isinstance(label, str) and label.strip() in MARKS)]) < 2


def _guessed(name: str, values: np.ndarray, task: Task) -> list[str]:
    """A sentence where the values are whole numbers, more than two different ones: classes or numbers by a guess."""
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        return []
    different = np.unique(values[~pd.isna(values)])
    if len(different) < 3 or (different != np.floor(different)).any():
        return []
    kind, other = (
        ("classes", "regression") if isinstance(task, Classes) else ("numbers (regression)", "classes")
    )
    return [
        f"The auxiliary {name!r} has {len(different):,} different whole numbers, which are taken as {kind}; "
        f"kinds={{{name!r}: {other!r}}} changes this."
    ]


def _named(auxiliaries: Any) -> dict[str, Any]:
    if isinstance(auxiliaries, pd.DataFrame):
        return {str(name): auxiliaries[name].to_numpy() for name in auxiliaries.columns}
    if isinstance(auxiliaries, Mapping):
        return {str(name): np.asarray(values) for name, values in auxiliaries.items()}
    values = np.asarray(auxiliaries)
    if values.ndim == 1:
        return {"auxiliary": values}
    if values.ndim == 2:
        return {f"auxiliary {k + 1}": values[:, k] for k in range(values.shape[1])}
    raise DataError("The auxiliaries are not usable", expected="[N] or [N, K]", found=f"{list(values.shape)}")


def _task(name: str, values: np.ndarray, kind: str | None) -> tuple[Task, Tensor, list[str]]:
    """The task that a table's column of the same values makes; an array [N, D] makes what one in an `.npz` does."""
    spec = TargetSpec(name, (name,), kind)
    if values.ndim != 1:
        return array_target(spec, values, len(values))
    return target_of(read_memory({name: values}, [name]), spec)


def of_array(x: np.ndarray, target: Tensor, *, grouped: bool = False) -> InputFrame:
    """An array X as a data set holds it."""
    made = inputs(x)
    blank = made.isnan() if made.dim() == 2 and bool(made.isnan().any()) else None
    notes = tuple(blurred_note(blurred_inputs(x)))
    if made.dim() == 2 and not grouped:
        notes += tuple(
            copies_note(pd.DataFrame(x).astype(float), target.numpy(), "leave column NAME out of X")
        )
    kept = made if blank is None else made.masked_fill(blank, 0.0)
    return InputFrame(kept, blank, notes=notes, decisions=notes)


def dataset_of(
    x: InputFrame,
    main: tuple[Task, Tensor],
    auxiliaries: Mapping[str, tuple[Task, Tensor]],
    groups: Any = None,
) -> Dataset:
    """The data set; auxiliary classes that refine the main ones are numbered main class by main class.

    Args:
        x: The inputs.
        main: The main task and its targets.
        auxiliaries: The auxiliary tasks and theirs, by name.
        groups: A label per row; rows of one group are never on both sides of a fold. None: every row is by itself.
    """
    task = main[0]
    made = {task.name: main, **auxiliaries}
    tasks, y = {n: t for n, (t, _) in made.items()}, {n: v for n, (_, v) in made.items()}
    dataset = Dataset(
        name="arrays",
        x=x.x,
        tasks=tasks,
        y=y,
        main=task.name,
        official_test=torch.zeros(len(x.x), dtype=torch.bool),
        groups=None if groups is None else _groups(groups, len(x.x)),
        parents=refinements(tasks, y, task.name),
        blank=x.blank,
        encoder=x.encoder,  # type: ignore[arg-type]  # None: the data set's own, for arrays
        raw=x.raw,
        notes=(*([kinds_note(tasks, list(tasks))] if auxiliaries else []), *x.notes),
    )
    return grouped(dataset)


def _groups(groups: Any, rows: int) -> tuple[str, ...]:
    """The groups as words, "" where one is missing: such a row is by itself."""
    column = column_or_1d(groups)
    if len(column) != rows:
        raise DataError("The groups do not fit X", expected=f"{rows} rows", found=f"{len(column)}")
    return tuple(
        "" if blank else str(value) for value, blank in zip(column.tolist(), pd.isna(column), strict=True)
    )


def main_task(kind: str, width: int, names: list[str], taken: Collection[str]) -> Task:
    """The main task, under a name that no auxiliary and no column has."""
    name = "y" if "y" not in taken else "main y"
    return Classes(name, width, label_names=names) if kind == "classes" else Regression(name)


def split(dataset: Dataset, seed: int, validation: float) -> tuple[Splits, list[str]]:
    """Return the roles of the rows; with too few rows the validation set is empty, with a note."""
    try:
        splits = make_splits(dataset, seed=seed, validation=validation, test=0.0)
        return splits, list(splits.notes)
    except DataError as error:
        if not validation:
            raise
        splits = make_splits(dataset, seed=seed, validation=0.0, test=0.0)
        return splits, [*splits.notes, f"There are no validation rows: {error}"]
