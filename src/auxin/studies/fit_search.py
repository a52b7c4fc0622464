"""`fit` at its defaults: rivals, networks and blends on the same folds, and the best of them trained on all rows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from torch import Tensor

from auxin.data import Dataset, Splits
from auxin.data.reading.content import ranked
from auxin.exported.card import CardDecision, Estimate, TrainingRecord, TrunkState
from auxin.exported.committee import Committee
from auxin.exported.model import Model
from auxin.fitting.candidates import Member
from auxin.fitting.choose import ModelChoice
from auxin.fitting.duplicates import group_duplicates
from auxin.fitting.intervals import interval
from auxin.fitting.of_dataset import fitted_dataset, rows_of, vectors
from auxin.fitting.rows import Rows
from auxin.fitting.search import FOLDS, Search
from auxin.math.sparse import SparseRows
from auxin.rivals import kind_of
from auxin.runs.environment import hardware, versions
from auxin.studies.advice import advice
from auxin.studies.curve import LearningCurve, learning_curve
from auxin.tasks.classes import Classes

MAX_ROWS = 20_000
"""Labelled rows that take part in a search, and as many without a main label, where nothing else is given."""
LEAST = 6
"""Fewer labelled rows than this are too few for folds."""


@dataclass(frozen=True)
class SearchTarget:
    """Request of a search for a model.

    Attributes:
        metric: Metric of the main task, in which scores are given.
        decides: Whether candidates are chosen by this metric too; else by log loss or squared error.
        seed: Seed of folds and of everything random.
        tries: Maximum number of settings that a candidate's family tries.
        seconds: Time limit of everything in wall seconds, or None.
        requested: Name of the method as the user gave it.
        command: Command line that repeats the search.
        started: Time of the start, ISO 8601.
        families: Rivals that take part; None: the usual ones.
        most: Maximum number of training rows with a main label that take part, and of those without one.
    """

    metric: str
    decides: bool = False
    seed: int = 0
    tries: int = 2
    seconds: float | None = None
    requested: str = "best"
    command: str = ""
    started: str = ""
    families: Sequence[str] | None = None
    most: int = MAX_ROWS


@dataclass(frozen=True, eq=False)
class SearchRows:
    """The rows of a search.

    Attributes:
        dataset: The data set, or a part of it where that is smaller.
        labelled, unlabelled, test: Training rows with a main label and without one, and test rows, by number.
    """

    dataset: Dataset
    labelled: Tensor
    unlabelled: Tensor
    test: Tensor


def searchable(dataset: Dataset, labelled: int) -> bool:
    """Whether the main task is one that rivals can learn too, and enough rows have its label.

    Tasks with a value per pixel, and vectors, are left to networks.
    """
    return kind_of(dataset.tasks[dataset.main]) is not None and labelled >= LEAST


def search(
    dataset: Dataset,
    splits: Splits,
    wanted: SearchTarget,
    notify: Callable[[str], None],
    step: Callable[[str, int, int], None] = lambda *_: None,
) -> Model:
    """The model that cross-validation prefers, trained on every labelled training row.

    Args:
        dataset: Data.
        splits: Roles of the rows; validation and auxiliary rows train too.
        wanted: What to search for.
        notify: Prints a sentence on what was decided for the user.
        step: Shows progress: what is done, how many of it, of how many.
    """
    begun, notes = time.monotonic(), [*dataset.notes, *splits.notes]

    def note(sentence: str) -> None:
        notes.append(sentence)
        notify(sentence)

    for sentence in notes[:]:
        notify(sentence)
    part = rows_within(dataset, splits, wanted.most, note)
    fitted = fitted_dataset(part.dataset, part.labelled, part.unlabelled)
    equal = group_duplicates(fitted, part.labelled, part.unlabelled)
    rows = replace(rows_of(fitted, part.labelled, equal.unlabelled), groups=equal.groups)
    for sentence in [*equal.notes, *_rare(fitted, part.labelled), *_graded(rows)]:
        note(sentence)
    left = None if wanted.seconds is None else max(wanted.seconds - (time.monotonic() - begun), 1.0)
    by = wanted.metric if wanted.decides else None
    found = Search(
        rows, wanted.seed, wanted.tries, left, families=wanted.families, metric=by, notify=note, step=step
    )
    choice = found.run()
    step("training on all rows", 0, 1)
    member = found.finish(choice)
    record = _record(found, choice, wanted, member, (dataset, splits), (fitted, part.test), notes, begun)
    trunk = TrunkState(name="blend", shape=list(fitted.shape))
    return Model(Committee(member), trunk, record, fitted.encoder)


def rows_within(dataset: Dataset, splits: Splits, most: int, notify: Callable[[str], None]) -> SearchRows:
    """At most `most` training rows with a main label, of every class its share and at least one, and as many without.

    Args:
        dataset: The data.
        splits: The rows' roles; validation and auxiliary rows train too.
        most: Number of rows.
        notify: Function that receives a sentence where rows are left out.
    """
    every = torch.cat([splits.train, splits.validation, splits.auxiliary])
    labelled = _share(dataset, every, most)
    unlabelled = splits.unlabelled[:most]  # in the order of their hashes
    if len(labelled) == len(every) and len(unlabelled) == len(splits.unlabelled):
        return SearchRows(dataset, labelled, unlabelled, splits.development)
    for kind, part, whole in (("with", labelled, every), ("without", unlabelled, splits.unlabelled)):
        if len(part) < len(whole):
            notify(
                f"Of {len(whole):,} training rows {kind} a main label, a random {len(part):,} take part. More of them "
                "take more time and memory: --max-rows (max_rows= in Python)."
            )
    used = torch.cat([labelled, unlabelled, splits.development])
    first, second = len(labelled), len(labelled) + len(unlabelled)
    place = torch.arange(len(used))
    return SearchRows(taken(dataset, used), place[:first], place[first:second], place[second:])


def _share(dataset: Dataset, rows: Tensor, most: int) -> Tensor:
    if len(rows) <= most:
        return rows
    order, y = torch.tensor(ranked(rows.tolist(), dataset.marks, "most rows")), dataset.y[dataset.main]
    if y.dim() > 1 or y.is_floating_point():
        return order[:most]
    labels = y[order]
    parts = [order[labels == label] for label in labels.unique()]
    return torch.cat([part[: ceil(most * len(part) / len(order))] for part in parts])


def taken(dataset: Dataset, rows: Tensor) -> Dataset:
    """A data set of some rows of another."""
    some = lambda x: x.take(rows) if isinstance(x, SparseRows) else x[rows]  # noqa: E731
    groups = None if dataset.groups is None else tuple(dataset.groups[row] for row in rows.tolist())
    return replace(
        dataset,
        x=some(dataset.x),
        y={name: y[rows] for name, y in dataset.y.items()},
        official_test=dataset.official_test[rows],
        blank=None if dataset.blank is None else some(dataset.blank),
        raw=None if dataset.raw is None else dataset.raw.iloc[rows.tolist()].reset_index(drop=True),
        groups=groups,
    )


def _record(
    found: Search,
    choice: ModelChoice,
    wanted: SearchTarget,
    member: Member,
    data: tuple[Dataset, Splits],
    test: tuple[Dataset, Tensor],
    notes: list[str],
    begun: float,
) -> TrainingRecord:
    """What the model card says of the training: what was chosen, why, and the scores."""
    scores, curve = table(found, choice, wanted.metric), learning_curve(found, choice, wanted.metric)
    estimate = estimated(found, wanted.metric, curve)
    said = advice(found, choice, estimate, wanted.metric, scores, curve)
    kept = " + ".join(entry.family for entry in choice.kept)
    method = choice.kept[0].name if len(choice.kept) == 1 else f"blend: {kept}"
    dataset, splits = data
    return TrainingRecord(
        data=dataset.name,
        method=method,
        seed=wanted.seed,
        split_hash=splits.hash,
        rows=splits.sizes,
        settings={
            f"weight of {e.name}": round(w, 4) for e, w in zip(choice.kept, choice.weights, strict=True)
        },
        metric=wanted.metric,
        validation=estimate.value,
        test=_test(*test, member, wanted.metric),
        decision=CardDecision(kept=method, asked=wanted.requested, why=said[0], validation=scores),
        notes=notes,
        command=wanted.command,
        seconds=time.monotonic() - begun,
        started=wanted.started,
        versions=versions(),
        hardware=hardware("cpu"),
        estimate=estimate,
        advice=said,
    )


def estimated(found: Search, metric: str, curve: LearningCurve | None) -> Estimate:
    """The corrected score, and its interval, whose upper end holds what the labels of a fold add to the others."""
    rows = found.rows
    value, low, high = interval(rows.task, found.honest(), found.wanted, metric, groups=rows.of_groups)
    if curve is not None:
        high = min(high + curve.last_fold, max(curve.best, high))
    return Estimate(value=value, low=_finite(low), high=_finite(high), rows=len(rows.labelled))


def _rare(dataset: Dataset, labelled: Tensor) -> list[str]:
    """A sentence for the classes with fewer labelled rows than there are folds."""
    y = dataset.y[dataset.main][labelled]
    if y.is_floating_point() or y.dim() > 1:
        return []
    task = dataset.tasks[dataset.main]
    called = list(getattr(task, "label_names", None) or map(str, range(task.width)))
    counts = zip(*(part.tolist() for part in y.unique(return_counts=True)), strict=True)
    few = [f"{called[label]}: {count}" for label, count in counts if count < FOLDS]
    if not few:
        return []
    names = ", ".join(few[:5]) + (f" and {len(few) - 5:,} more" if len(few) > 5 else "")
    return [
        f"Classes with fewer labelled rows than the {FOLDS} folds ({names}) are held out in as many folds as they have "
        "rows; while its only row is held out, a class is not learned. The final model trains on all of them."
    ]


def _graded(rows: Rows) -> list[str]:
    """A sentence where the classes of a table are at least three whole numbers that follow one another."""
    names = list(getattr(rows.task, "label_names", None) or ())
    numbers = sorted(int(name) for name in names if name.removeprefix("-").isdecimal())
    plain = isinstance(rows.task, Classes) and rows.image is None
    if not plain or len(numbers) < max(3, len(names)) or numbers[-1] - numbers[0] >= len(numbers):
        return []
    name = rows.task.name
    return [
        f"The classes of {name} are the numbers {numbers[0]} to {numbers[-1]}. If they are grades, "
        f"--kind {name}=ordered uses their order, and --kind {name}=regression takes them as numbers."
    ]


def table(found: Search, choice: ModelChoice, metric: str) -> dict[str, float]:
    """Each family's cross-validated score, and the blend's where one was made."""
    outputs = {family: entry.outputs for family, entry in choice.best.items()}
    if choice.blended:
        outputs["blend"] = choice.outputs
    scores = {name: found.rows.task.score(one, found.wanted, metric) for name, one in outputs.items()}
    return {name: value for name, value in scores.items() if np.isfinite(value)}


def _test(fitted: Dataset, rows: Tensor, member: Member, metric: str) -> float | None:
    if not len(rows):
        return None
    outputs = member.outputs(vectors(fitted, rows))
    return fitted.tasks[fitted.main].score(outputs, fitted.y[fitted.main][rows], metric)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
