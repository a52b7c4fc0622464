"""Rows that would be on two sides: repeated inputs, and groups of held-out rows."""

from collections.abc import Sequence

from auxin.data.reading.content import CONTENT
from auxin.data.splits.draw import PARTS, Drawer


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
