"""What auxiliary labels say about the main one: labels inferred from them, and predictions of them fed on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from auxin.fitting.candidates import Candidate, Member, RivalCandidate
from auxin.fitting.rows import Folds, Rows
from auxin.fitting.stacked import AuxiliaryPredictions, RivalWithAuxiliaries
from auxin.fitting.teachers import OwnTeachers, Teacher, best_teacher, known_table

LINES = ("logistic", "ridge")
EXACT = 2000
"""Rows whose label is inferred at most where the main label is a function of the auxiliaries."""
FEWER = 4
"""Where the time is short, so many times fewer labels are inferred."""
WEIGHT = 0.5
"""How much an inferred label counts beside a given one."""


def teachers_of(rows: Rows, folds: Folds, seed: int, notify: Callable[[str], None]) -> OwnTeachers | None:
    """How main labels are inferred from auxiliary ones for rows without one; None where they cannot be.

    Args:
        rows: The training rows.
        folds: The candidates' folds.
        seed: Seed of everything random.
        notify: Function that receives a sentence if the main label is a function of the auxiliaries.
    """
    found = _best(rows, folds, seed)
    if found is None or not (count := len(found.common.reachable(rows, found.table))):
        return None
    teacher = found.common
    if teacher.exact:
        source = "the inputs and the auxiliary labels" if teacher.beside else _named(teacher, rows)
        notify(
            f"The main label can be inferred from {source} ({teacher.quality}): {count:,} rows without one get theirs "
            "in this way."
        )
    return found


def _best(rows: Rows, folds: Folds, seed: int) -> OwnTeachers | None:
    table = known_table(rows)
    teacher = None if table is None else best_teacher(rows, table, folds, seed)
    return None if table is None or teacher is None else OwnTeachers(table, teacher)


def likely(offered: Mapping[str, Sequence[Candidate]]) -> list[Candidate]:
    """The candidates that many inferred labels suit, untried: linear models and trees, or what sees images."""
    seeing = [name for name in offered if name.startswith("features:") or name == "convnet"]
    names = seeing or [name for name in (*LINES, "extra_trees") if name in offered]
    return [offered[name][0] for name in names]


def inferring(bases: Sequence[Candidate], teachers: OwnTeachers) -> dict[str, list[Candidate]]:
    """`infer:NAME`: the candidates that take weights, which learn from inferred main labels too."""
    return {f"infer:{b.family}": [InferredLabelCandidate(b, teachers)] for b in bases if b.weighted}


def stacking(rows: Rows, bases: Sequence[Candidate], seed: int) -> dict[str, list[Candidate]]:
    """`stack:NAME`: the first estimator of these, fed predictions of the auxiliary labels; not of images, for the time
    that trees of the auxiliaries take on pixels.
    """
    plain = [] if rows.image else [base for base in bases if isinstance(base, RivalCandidate)]
    fed = AuxiliaryPredictions.fit(rows, seed) if plain else None
    return {} if fed is None else {f"stack:{plain[0].rival}": [RivalWithAuxiliaries(plain[0], fed)]}


def _named(teacher: Teacher, rows: Rows) -> str:
    """What the main label is inferred from, in words."""
    if teacher.lookup is not None:
        return f"the classes of {teacher.lookup.name} by a table"
    return f"the auxiliary labels ({', '.join(rows.auxiliaries)})"


@dataclass(frozen=True, eq=False)
class InferredLabelCandidate(Candidate):
    """A candidate trained on given labels and on those that a teacher inferred from auxiliary labels.

    Attributes:
        base: The candidate, with its options.
        teachers: infer main labels; chosen and trained anew on the rows at hand.
        at_most: Inferred labels that it learns from at most, where the time is short; 0: the usual number.
    """

    base: Candidate
    teachers: OwnTeachers
    at_most: int = 0

    @property
    def family(self) -> str:  # type: ignore[override]
        """`infer:` and the candidate's family."""
        return f"infer:{self.base.family}"

    @property
    def name(self) -> str:  # type: ignore[override]
        """`infer:` and the candidate's name, and the number of inferred labels where the time is short."""
        return f"infer:{self.base.name}" + (f" of {self.at_most} inferred labels" if self.at_most else "")

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """One more than the candidate's, at most 9."""
        return min(self.base.simplicity + 1, 9)

    def within(
        self, seconds: float, rows: Rows, folds: Folds, more: int = 0
    ) -> "InferredLabelCandidate | None":
        """As the candidate, which learns from the inferred labels too; with fewer of these where that fits."""
        teacher = self.teachers.common
        usual = min(len(teacher.reachable(rows, self.teachers.table)), self._most(teacher))
        begun = time.monotonic()
        for count in (usual, usual // FEWER):
            left = seconds - (time.monotonic() - begun)
            base = self.base.within(left, rows, folds, more + count)
            if base is not None:
                own = self if base is self.base else replace(self, base=base)
                return own if count == usual else replace(own, at_most=count)
        return None

    def _most(self, teacher: Teacher) -> int:
        """How many labels are inferred at most."""
        return self.at_most or max(EXACT if teacher.exact else 0, self.base.most_inferred)

    def for_folds(self) -> "InferredLabelCandidate":
        """As the candidate."""
        return replace(self, base=self.base.for_folds())

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Infer labels for rows without one from what these rows say, and train on both."""
        table = self.teachers.table
        teacher = self.teachers.of(rows, kept, seed)
        others = np.intersect1d(rows.unlabelled, table.rows)
        most = self._most(teacher)
        others = np.random.default_rng(seed).permutation(others)
        if teacher.lookup is None:
            others = others[:most]
        found, labels, certain = teacher.labels(rows, table, kept, others, seed)
        others, inferred, sure = found[:most], labels[:most], certain[:most]
        target = rows.y.clone()
        target[torch.from_numpy(others)] = inferred.to(target.dtype)
        weights = np.concatenate([np.ones(len(kept)), (1.0 if teacher.exact else WEIGHT) * sure])
        return self.base.teach(replace(rows, y=target), np.concatenate([kept, others]), weights, seed)


def without(
    name: str, candidate: Candidate, rows: Rows, folds: Folds, seed: int
) -> tuple[Rows, Candidate] | None:
    """The rows without an auxiliary task, and the candidate that it makes of the other tasks.

    Networks take the tasks of their rows; an inferred or stacked candidate learns its teacher, or what it is fed, anew.

    Args:
        name: the auxiliary task that is left out.
        candidate: one that uses auxiliary tasks.
        rows: the training rows.
        folds: the candidates' folds.
        seed: of everything random.

    Returns:
        None where the other tasks make no such candidate.
    """
    fewer = replace(rows, auxiliaries={k: v for k, v in rows.auxiliaries.items() if k != name})
    if isinstance(candidate, InferredLabelCandidate):
        teachers = _best(fewer, folds, seed)
        return None if teachers is None else (fewer, replace(candidate, teachers=teachers))
    if isinstance(candidate, RivalWithAuxiliaries):
        fed = AuxiliaryPredictions.fit(fewer, seed)
        return None if fed is None else (fewer, replace(candidate, fed=fed))
    return fewer, candidate
