"""Draws of whole groups of rows: what belongs together (a subject's recordings) stays on one side."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import floor, fsum

from auxin.errors import DataError

DRAWS = 64
"""So many draws are made, and the one is kept whose share is nearest to what was asked."""


@dataclass(frozen=True)
class GroupShare:
    """What a share of the groups must be.

    Attributes:
        amount: A fraction of the rows below 1, or a number of rows.
        key: What the draw depends on, besides the groups' names.
        what: What to call the share in an error.
        least: How many groups the share must get.
        keep: How many groups must be left.
        strict: Whether every stratum must have rows in the share (if `least`) and beside it (if `keep`).
    """

    amount: float
    key: str
    what: str
    least: int
    keep: int
    strict: bool


def share_groups(
    rows: Sequence[int], groups: Sequence[str], strata: Sequence[int], wanted: GroupShare
) -> tuple[list[int], list[int]]:
    """Groups whose rows come nearest to the amount and to the strata's shares of it, and the rest.

    Groups are taken in an order drawn by keyed hashes of their names, each if it brings the number of rows
    nearer to the amount; of several such draws the best is kept. The order of the rows plays no part.

    Raises:
        DataError: There are too few groups, or a class is in too few of them.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        members[groups[row]].append(row)
    if len(members) < wanted.least + wanted.keep:
        raise DataError(
            f"There are too few groups for the {wanted.what}",
            expected=f"at least {wanted.least + wanted.keep} ({wanted.least} in it, {wanted.keep} outside it)",
            found=f"{len(members)}",
            do="Leave out --group (groups= or group= in Python), or leave out a set (--validation 0)",
        )
    total = floor(wanted.amount * len(rows) + 0.5) if wanted.amount < 1 else int(wanted.amount)
    sizes = Counter(strata[row] for row in rows)
    draws = [_draw(members, total, wanted, number) for number in range(DRAWS)]
    costs = [
        _cost(_rows(members, taken), strata, sizes, total / max(len(rows), 1), wanted) for taken in draws
    ]
    best = min(range(DRAWS), key=costs.__getitem__)
    if wanted.strict and costs[best] >= _BAD:
        raise DataError(
            f"Some class is in too few groups for the {wanted.what}",
            expected="rows of every class on each side, in groups of their own",
            found=f"{len(members):,} groups, of which no draw of {DRAWS} has that",
            do="Leave out --group (groups= or group= in Python), or ask for fewer or larger parts",
        )
    left = [name for name in members if name not in draws[best]]
    return _rows(members, draws[best]), _rows(members, left)


_BAD = 1e6


def _rows(members: dict[str, list[int]], names: Sequence[str] | set[str]) -> list[int]:
    return [row for name in sorted(names) for row in members[name]]


def _draw(members: dict[str, list[int]], total: int, wanted: GroupShare, number: int) -> set[str]:
    secret = blake2b(f"{wanted.key}:{number}".encode(), digest_size=32).digest()
    order = sorted(members, key=lambda name: blake2b(name.encode(), key=secret, digest_size=16).digest())
    taken: set[str] = set()
    count = 0
    for name in order:
        size = len(members[name])
        due = len(taken) < wanted.least or abs(count + size - total) < abs(count - total)
        if due and len(members) - len(taken) > wanted.keep:
            taken.add(name)
            count += size
    return taken


def _cost(
    taken: Sequence[int], strata: Sequence[int], sizes: Counter[int], part: float, wanted: GroupShare
) -> float:
    """How far the share is from its part of every stratum, in rows; much more where a class is left out."""
    counts = Counter(strata[row] for row in taken)
    # The same whatever the strata's order.
    far = fsum(abs(counts[s] - part * size) for s, size in sizes.items())
    if wanted.strict:
        empty = sum(counts[s] == 0 for s in sizes) if wanted.least else 0
        full = sum(counts[s] == size for s, size in sizes.items()) if wanted.keep else 0
        far += _BAD * (empty + full)
    return far
