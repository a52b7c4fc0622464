"""Who may see which row: training, auxiliary, validation and test rows, by content hash."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import floor

import torch
from torch import Tensor

from auxin.data.base import Dataset
from auxin.data.reading.content import CONTENT, fingerprint, ranked
from auxin.data.splits.draw import PARTS, Drawer, strata
from auxin.data.splits.held_out import drop_groups, drop_repeats, rare_rows, without_repeats
from auxin.errors import DataError


@dataclass(frozen=True, eq=False)
class Splits:
    """Who may see which row. Disjoint, stratified, seeded, with a hash that goes into every result.

    The rows of each part stand in the order of their content hashes, so that the same data in another order
    gives the same training run.

    Attributes:
        train: rows with a main label that train the primary network, int64 row numbers.
        unlabelled: rows whose main label is missing or hidden: they train the auxiliaries only.
        auxiliary: the auxiliary set of the meta step, held out of `train`; may be empty.
        validation: for selection and early stopping.
        development: the first half of the test rows.
        confirmation: the second half, opened once per claim.
        hash: SHA-256 of which contents, with which main labels, are in which part.
        repeats: how many rows were left out because a held-out part has a row with the very same input.
        notes: what was decided for the user, in sentences.
    """

    train: Tensor
    unlabelled: Tensor
    auxiliary: Tensor
    validation: Tensor
    development: Tensor
    confirmation: Tensor
    hash: str
    repeats: int = 0
    notes: tuple[str, ...] = ()
    marks: Sequence[bytes] = field(default=(), repr=False)

    @property
    def sizes(self) -> dict[str, int]:
        """How many rows each part has."""
        return {name: len(getattr(self, name)) for name in PARTS}

    @property
    def every_training_row(self) -> Tensor:
        """The rows that train anything: with and without a main label, and the auxiliary set.

        What is learned from inputs alone (their mean and spread, categories, vocabularies) comes from all of them.
        """
        return torch.cat([self.train, self.unlabelled, self.auxiliary])

    def with_validation_in_train(self) -> "Splits":
        """For final runs: the validation rows train too, and none are left for selection. Another hash."""
        return self._joined("validation")

    def with_auxiliary_in_train(self) -> "Splits":
        """The auxiliary set trains the primary network too, and none is left for the meta step. Another hash."""
        return self._joined("auxiliary")

    def _joined(self, part: str) -> "Splits":
        rows: Tensor = getattr(self, part)
        train = _ordered([*self.train.tolist(), *rows.tolist()], self.marks)
        changed: Splits = replace(self, train=train, **{part: rows[:0]})
        return replace(changed, hash=_hash(changed))


def _hash(splits: Splits) -> str:
    return fingerprint({name: getattr(splits, name) for name in PARTS}, splits.marks)


def _ordered(rows: list[int], marks: Sequence[bytes]) -> Tensor:
    return torch.tensor(sorted(rows, key=marks.__getitem__), dtype=torch.int64)


def make_splits(
    dataset: Dataset,
    *,
    seed: int,
    labels_per_class: int | None = None,
    fraction: float | None = None,
    validation: float = 0.2,
    auxiliary: float = 0.0,
    test: float = 0.5,
) -> Splits:
    """Split a data set, by the content of its rows.

    Test rows are the publisher's, or else a stratified fraction that is the same for every seed; their two
    halves are cut by content alone too. All other draws depend on the seed and the rows' content, never on
    their order, and are nested: the rows that K labels per class keep are among those that K + 1 keep (unless
    there are groups, which stay whole). No input is on two sides: rows that repeat an input of a held-out
    part (test, then validation, then auxiliary) are left out of the others. Real-valued main targets are
    stratified by ten quantile bins. The rows of a class that has too few to be divided only train, with a note.

    Args:
        dataset: what to split.
        seed: draws everything but the test rows.
        labels_per_class: K; only K training rows of each class (with different inputs) keep their main
            label, the others go to `unlabelled`. A class with fewer keeps them all, with a note, where another
            class has K. K includes the labels of the validation and auxiliary rows:
            `validation` and `auxiliary` are then fractions of K, rounded, at least one row where K is at
            least 2.
        fraction: keep this stratified fraction of the training rows and use no others.
        validation: a fraction of the labelled training rows, or a number of rows from 2 up.
        auxiliary: as `validation`; 0 gives an empty auxiliary set.
        test: the fraction of test rows where the publisher set none aside; 0 for none.

    Raises:
        DataError: no row has a main label; a class has too few rows; an argument is out of range.

    >>> from auxin.data.digits import Digits
    >>> splits = make_splits(Digits.load(None), seed=0, labels_per_class=10)
    >>> list(splits.sizes.values())
    [80, 798, 0, 20, 450, 449]
    """
    _check_range(labels_per_class, fraction, validation, auxiliary, test)
    drawer, notes = _drawer(dataset), []
    sides = 1 + (validation > 0) + (auxiliary > 0)
    parts, rest, rare = _test_rows(dataset, drawer, test, sides, notes)
    rest, repeats = without_repeats(rest, [*parts["development"], *parts["confirmation"]], drawer.marks)
    labelled = [row for row in rest if drawer.strata[row] >= 0]
    missing = [row for row in rest if drawer.strata[row] < 0]
    if fraction is not None and fraction < 1:
        labelled, _ = drawer.share(labelled, fraction, f"fraction:{seed}", "training fraction", sides)
        kept = floor(fraction * len(missing) + 0.5)
        missing = ranked(missing, drawer.marks, f"fraction:{seed}")[:kept]
    if labels_per_class is None:
        parts |= _by_share(drawer, labelled, seed, validation, auxiliary)
    else:
        parts |= _by_labels(drawer, labelled, seed, labels_per_class, validation, auxiliary, notes)
    parts["train"] = [*parts["train"], *rare]
    parts["unlabelled"] = [*parts.get("unlabelled", []), *missing]
    drop_groups(parts, drawer, notes)
    repeats += drop_repeats(parts, drawer.marks)
    _every_class(drawer, labelled, parts)
    return _finish(parts, drawer.marks, repeats, notes)


def _check_range(
    labels_per_class: int | None, fraction: float | None, validation: float, auxiliary: float, test: float
) -> None:
    def refuse(name: str, expected: str, found: object) -> None:
        raise DataError(
            f"{name} (--{name.replace('_', '-')}) is out of range", expected=expected, found=repr(found)
        )

    if labels_per_class is not None and (labels_per_class < 1 or labels_per_class != int(labels_per_class)):
        refuse("labels_per_class", "a whole number of at least 1", labels_per_class)
    if fraction is not None and not 0 < fraction <= 1:
        refuse("fraction", "a number above 0 and at most 1", fraction)
    if not 0 <= test < 1:
        refuse("test", "a fraction from 0 to below 1", test)
    for name, value in (("validation", validation), ("auxiliary", auxiliary)):
        count = value >= 2 and value == int(value) and labels_per_class is None
        if not (0 <= value < 1 or count):
            allowed = "" if labels_per_class else ", or a whole number of rows from 2 up"
            refuse(name, "a fraction from 0 to below 1" + allowed, value)


def _drawer(dataset: Dataset) -> Drawer:
    target, present = dataset.y[dataset.main], dataset.has_main()
    if not present.any():
        raise DataError(
            f"No row of {dataset.name} has a label for the main task {dataset.main!r}",
            expected="main labels on some rows at least",
            found=f"{len(dataset):,} rows, all without one",
            do="Name another target",
        )
    classes = target.dim() == 1 and not target.is_floating_point()
    describe = dataset.class_name if classes else str
    marks = dataset.marks
    groups = None
    if dataset.groups is not None:
        groups = [name or marks[row][:CONTENT].hex() for row, name in enumerate(dataset.groups)]
    return Drawer(marks, strata(target, present), classes, describe, groups)


def _test_rows(
    dataset: Dataset, drawer: Drawer, test: float, sides: int, notes: list[str]
) -> tuple[dict[str, list[int]], list[int], list[int]]:
    """The two halves of the test rows, all other rows that are divided, and the rows of rare classes."""
    rows = [row for row, stratum in enumerate(drawer.strata) if stratum >= 0]
    missing = [row for row, stratum in enumerate(drawer.strata) if stratum < 0]
    official = dataset.official_test.tolist()
    drawn = bool(test) and not any(official)
    divided = [row for row in rows if not official[row]]
    rare, found = rare_rows(drawer, divided, sides + 2 * drawn)
    notes += found
    aside = set(rare)
    rows = [row for row in rows if row not in aside]
    if any(official):
        chosen = [row for row in rows if official[row]]
        rest = [row for row in range(len(dataset)) if not official[row] and row not in aside]
        if unused := sum(official[row] for row in missing):
            notes.append(f"{unused:,} of the publisher's test rows have no main label and are not used.")
        halves = drawer.share(chosen, 0.5, "half", "development half")
    elif test:
        chosen, rest = drawer.share(rows, test, "test", "test set", 2, sides)
        rest += missing
        halves = drawer.share(chosen, 0.5, "half", "development half", 1, 1)
    else:
        halves, rest = ([], []), rows + missing
    return {"development": halves[0], "confirmation": halves[1]}, rest, rare


def _by_share(
    drawer: Drawer, rows: list[int], seed: int, validation: float, auxiliary: float
) -> dict[str, list[int]]:
    """Validation and auxiliary rows as shares of the labelled training rows."""
    some = len(rows)
    held: dict[str, list[int]] = {"validation": [], "auxiliary": []}
    if validation:
        held["validation"], rows = drawer.share(
            rows, validation, f"validation:{seed}", "validation set", 1, 1 + (auxiliary > 0)
        )
    if auxiliary:
        amount = auxiliary if auxiliary >= 1 else max(floor(auxiliary * some + 0.5), 1)
        held["auxiliary"], rows = drawer.share(rows, amount, f"auxiliary:{seed}", "auxiliary set", 1, 1)
    return {**held, "train": rows}


def _by_labels(
    drawer: Drawer,
    rows: list[int],
    seed: int,
    count: int,
    validation: float,
    auxiliary: float,
    notes: list[str],
) -> dict[str, list[int]]:
    """K labels per class, some for validation and the auxiliary set; the other rows are unlabelled."""
    least = {"validation": _of_labels(validation, count), "auxiliary": _of_labels(auxiliary, count)}
    if sum(least.values()) >= count:
        raise DataError(
            f"{count} labels per class leave none to train with",
            expected="fewer validation and auxiliary rows than labels",
            found=f"{least['validation']} for validation, {least['auxiliary']} for the auxiliary set",
            do="Use more labels per class, or smaller parts",
        )
    if validation and not least["validation"]:
        notes.append("With one label per class, no label is left for validation: there is no validation set.")
    if not drawer.strict:
        raise DataError(
            "Labels per class need a main task of classes",
            expected="class labels",
            found="real-valued targets",
            do="Use a fraction instead",
        )
    if drawer.groups is not None:
        return _labels_of_groups(drawer, rows, seed, count, least)
    kept = drawer.each(rows, count, f"labels:{seed}", f"{count} labels per class", notes)
    parts: dict[str, list[int]] = {"validation": [], "auxiliary": [], "train": []}
    for group in drawer.by_stratum(kept).values():
        order = ranked(group, drawer.marks, f"roles:{seed}")
        first, second = _cuts(len(group), count, validation, auxiliary)
        parts["validation"] += order[:first]
        parts["auxiliary"] += order[first:second]
        parts["train"] += order[second:]
    return {**parts, "unlabelled": sorted(set(rows) - set(kept))}


def _cuts(has: int, count: int, validation: float, auxiliary: float) -> tuple[int, int]:
    """Where validation rows end and auxiliary rows end among a class's labels; at least one is left to train with."""
    first, more = (_of_labels(share, min(has, count)) for share in (validation, auxiliary))
    if has < count:
        first = min(first, max(has - 1 - (more > 0), 0))
        more = min(more, max(has - 1 - first, 0))
    return first, first + more


def _labels_of_groups(
    drawer: Drawer, rows: list[int], seed: int, count: int, least: dict[str, int]
) -> dict[str, list[int]]:
    """The same where groups stay whole: the parts get groups of their own, then labels within them."""
    parts: dict[str, list[int]] = {}
    for name, labels in least.items():
        chosen: list[int] = []
        if labels:
            more = 1 + sum(least[other] > 0 for other in least if other not in (*parts, name))
            chosen, rows = drawer.share(rows, labels / count, f"{name}:{seed}", f"{name} set", 1, more)
        why = f"{labels} of {count} labels per class in the {name} rows' groups"
        parts[name] = drawer.each(chosen, labels, f"labels:{seed}", why)
    left = count - sum(least.values())
    why = f"{left} of {count} labels per class in the training rows' groups"
    parts["train"] = drawer.each(rows, left, f"labels:{seed}", why)
    return {**parts, "unlabelled": sorted(set(rows) - set(parts["train"]))}


def _of_labels(fraction: float, count: int) -> int:
    wanted = floor(fraction * count + 0.5)
    return max(wanted, 1) if fraction > 0 and count >= 2 else min(wanted, count - 1)


def _every_class(drawer: Drawer, rows: list[int], parts: dict[str, list[int]]) -> None:
    """Every class of the labelled rows is still in every part, after repeated inputs were dropped."""
    if drawer.strict:
        classes = drawer.by_stratum(rows)
        for name in ("train", "validation", "auxiliary"):
            found = drawer.by_stratum(parts[name])
            for stratum in classes if found or name == "train" else ():
                drawer.need(stratum, len(found.get(stratum, ())), 1, f"in the {name} rows")


def _finish(parts: dict[str, list[int]], marks: Sequence[bytes], repeats: int, notes: list[str]) -> Splits:
    if repeats:
        notes = [*notes, f"{repeats:,} rows repeat an input of a held-out row and are not used."]
    rows = {name: _ordered(parts[name], marks) for name in PARTS}
    splits = Splits(**rows, hash="", repeats=repeats, notes=tuple(notes), marks=marks)
    return replace(splits, hash=_hash(splits))
