"""Rows that cannot be drawn: of rare classes, with repeated inputs, and in groups of held-out rows."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from auxin.data.reading.content import CONTENT
from auxin.data.splits.draw import PARTS, SHOWN, Drawer


def without_repeats(rows: list[int], held: list[int], marks: Sequence[bytes]) -> tuple[list[int], int]:
    """The rows that repeat no input of the held-out rows, and how many do."""
    contents = {marks[row][:CONTENT] for row in held}
    left = [row for row in rows if marks[row][:CONTENT] not in contents]
    return left, len(rows) - len(left)


def drop_groups(parts: dict[str, list[int]], drawer: Drawer, notes: list[str]) -> None:
    """Leave out rows without a main label whose group is held out."""
    if drawer.groups is None:
        return
    held = {
        drawer.groups[row] for name in parts if name not in ("train", "unlabelled") for row in parts[name]
    }
    left = [row for row in parts["unlabelled"] if drawer.groups[row] not in held]
    if dropped := len(parts["unlabelled"]) - len(left):
        notes.append(f"{dropped:,} rows without a main label belong to held-out groups and are not used.")
    parts["unlabelled"] = left
    counts = {name: len({drawer.groups[row] for row in rows}) for name, rows in parts.items() if rows}
    said = ", ".join(f"{name} {counts[name]:,}" for name in PARTS if name in counts)
    notes.append(f"Groups stay whole: {said}.")


def drop_repeats(parts: dict[str, list[int]], marks: Sequence[bytes]) -> int:
    """Let no input be on two sides; how many rows were dropped for it."""
    held: list[int] = []
    dropped = 0
    for name in ("development", "confirmation", "validation", "auxiliary", "train", "unlabelled"):
        parts[name], count = without_repeats(parts[name], held, marks)
        dropped += count
        if name != "train":
            held = held + parts[name]
    return dropped


def rare_rows(drawer: Drawer, rows: Sequence[int], needs: int) -> tuple[list[int], list[str]]:
    """The labelled rows that cannot be divided, because their class has too few; and a note for each class.

    Rows with equal inputs count once, since they stand on one side. Where groups stay whole, groups count, and the
    whole group of a rare class's row is set aside. Where fewer than two classes would remain, nothing is set aside, and
    the draws refuse the data.

    Args:
        drawer: The rows' classes, contents and groups.
        rows: The labelled rows that are to be divided.
        needs: How many rows with different inputs a class must have.
    """
    if not drawer.strict:
        return [], []
    groups = drawer.groups
    unit: Callable[[int], object] = (
        (lambda row: drawer.marks[row][:CONTENT]) if groups is None else groups.__getitem__
    )
    aside: set[object] = set()
    rare: dict[int, int] = {}
    while True:
        units: dict[int, set[object]] = defaultdict(set)
        for row in rows:
            if drawer.strata[row] not in rare and (groups is None or unit(row) not in aside):
                units[drawer.strata[row]].add(unit(row))
        found = {stratum for stratum, those in units.items() if len(those) < needs}
        if len(units) - len(found) < 2 and (found or rare):
            return [], []
        if not found:
            break
        for stratum in found:
            rare[stratum] = sum(drawer.strata[row] == stratum for row in rows)
        aside |= {unit(row) for row in rows if drawer.strata[row] in found}
    kept = [row for row in rows if drawer.strata[row] in rare or (groups is not None and unit(row) in aside)]
    notes = [_note(drawer, stratum, count, needs) for stratum, count in sorted(rare.items())]
    more = f"So do the rows of {len(notes) - SHOWN:,} further classes that have too few."
    return kept, notes if len(notes) <= SHOWN else [*notes[:SHOWN], more]


def _note(drawer: Drawer, stratum: int, count: int, needs: int) -> str:
    labelled = "1 labelled row" if count == 1 else f"{count:,} labelled rows"
    what = "different inputs" if drawer.groups is None else "different groups"
    return (
        f"Class {drawer.describe(stratum)} has {labelled}, and a split needs {needs} with {what}: "
        "they only train, and the class is left out of validation and test."
    )
