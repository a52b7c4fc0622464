"""Stratified draws of rows by content: from each class its share, the same whatever the rows' order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor

import torch
from torch import Tensor

from auxin.data.reading.content import CONTENT, ranked
from auxin.data.splits.groups import GroupShare, share_groups
from auxin.errors import DataError

SHOWN = 5
"""So many classes with few rows are named at most."""
REGRESSION_BINS = 10
"""Real targets are stratified by this many quantile bins."""

PARTS = ("train", "unlabelled", "auxiliary", "validation", "development", "confirmation")
"""The parts of a split, in the order of its hash."""


def strata(target: Tensor, present: Tensor) -> list[int]:
    """The stratum of each row: its class, or its real target's quantile bin; -1 where it is missing."""
    if target.dim() > 1:
        return torch.where(present, 0, -1).tolist()
    if target.is_floating_point():
        known = target[present].double()
        share = torch.linspace(0, 1, REGRESSION_BINS + 1, dtype=torch.float64)[1:-1]
        edges = known.quantile(share) if len(known) else share
        return torch.where(present, torch.bucketize(target.double().nan_to_num(), edges), -1).tolist()
    return torch.where(present, target, -1).tolist()


@dataclass(frozen=True, eq=False)
class Drawer:
    """Draws rows of one data set.

    Attributes:
        marks: the rows' content hashes.
        strata: the rows' strata.
        strict: whether every stratum must have rows on each side of a draw (classes: yes, bins: no).
        describe: what to call a stratum in an error.
        groups: each row's group, drawn as a whole; None: every row is drawn for itself.
    """

    marks: Sequence[bytes]
    strata: Sequence[int]
    strict: bool
    describe: Callable[[int], str]
    groups: Sequence[str] | None = None

    def by_stratum(self, rows: Iterable[int]) -> dict[int, list[int]]:
        """The rows of each stratum, strata in order."""
        groups: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            groups[self.strata[row]].append(row)
        return dict(sorted(groups.items()))

    def share(
        self, rows: Sequence[int], amount: float, key: str, what: str, least: int = 0, keep: int = 0
    ) -> tuple[list[int], list[int]]:
        """A stratified share of the rows, and the rest.

        Args:
            rows: from which rows.
            amount: a fraction below 1, or a number of rows.
            key: what the draw depends on, besides the rows' content.
            what: what to call the share in an error.
            least: how many rows of every class the share must get.
            keep: how many rows of every class must be left.

        Raises:
            DataError: a class, or all of them together, has too few rows for that.
        """
        if self.groups is not None:
            wanted = GroupShare(amount, key, what, least, keep, self.strict)
            return share_groups(rows, self.groups, self.strata, wanted)
        least, keep = (least, keep) if self.strict else (0, 0)
        groups = self.by_stratum(rows)
        sizes = {stratum: len(group) for stratum, group in groups.items()}
        for stratum, size in sizes.items():
            self.need(stratum, size, least + keep, f"{least} for the {what}, {keep} beside it")
        total = floor(amount * len(rows) + 0.5) if amount < 1 else int(amount)
        classes, most = len(sizes), len(rows) - keep * len(sizes)
        if not least * classes <= total <= most:
            raise DataError(
                f"The {what} cannot have {total:,} rows",
                expected=f"{least * classes:,} to {most:,} of {len(rows):,} rows, "
                f"so that each of the {classes} classes has {least} in it and {keep} beside it",
                do="Ask for another number or fraction of rows",
            )
        counts = allocate(sizes, total, least, keep)
        taken: list[int] = []
        left: list[int] = []
        for stratum, group in groups.items():
            order = ranked(group, self.marks, f"{key}:{stratum}")
            taken += order[: counts[stratum]]
            left += order[counts[stratum] :]
        return taken, left

    def need(self, stratum: int, has: int, needs: int, why: str) -> None:
        """Raise a DataError where a class has fewer rows than it needs."""
        if has < needs:
            raise DataError(
                f"Class {self.describe(stratum)} has too few rows for the split",
                expected=f"at least {needs:,} rows with different inputs ({why})",
                found=f"{has:,}",
                do="Add rows of this class, leave the class out, or ask for fewer or smaller parts",
            )

    def each(
        self, rows: Sequence[int], count: int, key: str, why: str, notes: list[str] | None = None
    ) -> list[int]:
        """`count` rows of every class, no two with equal inputs.

        Args:
            rows: from which rows.
            count: how many of each class.
            key: what the draw depends on, besides the rows' content.
            why: they are needed, for an error.
            notes: takes a sentence for each class that has fewer, of which all are then taken; None: none may have.

        Raises:
            DataError: a class has fewer, and there are no `notes`; or every class has.
        """
        taken: list[int] = []
        short: dict[int, int] = {}
        seen: set[bytes] = set()
        for stratum, group in self.by_stratum(rows).items():
            fresh = []
            for row in ranked(group, self.marks, f"{key}:{stratum}"):
                content = self.marks[row][:CONTENT]
                if content not in seen:
                    seen.add(content)
                    fresh.append(row)
            if len(fresh) < count and notes is not None:
                short[stratum] = len(fresh)
            else:
                self.need(stratum, len(fresh), count, why)
            taken += fresh[:count]
        if short and len(taken) == sum(short.values()):
            stratum = max(short, key=lambda one: short[one])
            self.need(stratum, short[stratum], count, why)
        for stratum, has in list(short.items())[:SHOWN]:
            assert notes is not None
            notes.append(
                f"Class {self.describe(stratum)} has {has:,} labelled rows of the {count:,} asked for: all are used."
            )
        if notes is not None and len(short) > SHOWN:
            notes.append(f"So are those of {len(short) - SHOWN:,} further classes with fewer than {count:,}.")
        return taken


def allocate(sizes: dict[int, int], total: int, least: int, keep: int) -> dict[int, int]:
    """Spread `total` over the classes in proportion to their sizes, by largest remainders.

    Every class gives at least `least` and keeps at least `keep`; the total must allow that.

    >>> allocate({0: 50, 1: 30, 2: 2}, 41, 1, 1)
    {0: 25, 1: 15, 2: 1}
    """
    rows = max(sum(sizes.values()), 1)
    ideal = {c: total * n / rows for c, n in sizes.items()}
    counts = {c: min(max(floor(ideal[c]), least), n - keep) for c, n in sizes.items()}
    while short := total - sum(counts.values()):
        step = 1 if short > 0 else -1
        able = [c for c in sizes if least <= counts[c] + step <= sizes[c] - keep]
        best = max(able, key=lambda c: (step * (ideal[c] - counts[c]), -c))
        counts[best] += step
    return counts
