"""What auxiliary labels say about the main one: labels inferred from them, and predictions of them fed on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from auxin.fitting.candidates import Candidate, Member, RivalCandidate
from auxin.fitting.fed import AuxiliaryPredictions, RivalWithAuxiliaries
from auxin.fitting.rows import Folds, Rows
from auxin.fitting.teachers import OwnTeachers, Teacher, best_teacher, known_table

LINES = ("logistic", "ridge")
EXACT = 2000
"""Rows whose label is inferred at most where the main label is a function of the auxiliaries."""
WEIGHT = 0.5
"""How much an inferred label counts beside a given one."""


def with_auxiliaries(
    rows: Rows,
    bases: Sequence[Candidate],
    folds: Folds,
    seed: int,
    notify: Callable[[str], None],
    others: Sequence[Candidate] = (),
    untried: Sequence[Candidate] = (),
) -> dict[str, list[Candidate]]:
    """Candidates that use the auxiliary labels: `stack:NAME` is fed predictions of them, `infer:NAME` learns from main
    labels that were inferred from them.

    Args:
        rows: The training rows.
        bases: The best candidates without auxiliaries, the best first: rivals, and networks that take weights.
        folds: The candidates' folds.
        seed: Seed of everything random.
        say: told if the main label is a function of the auxiliaries.
        others: more candidates that may be ahead with many labels, tried if it is.
        untried: networks for which there was no time with few labels, tried if it is.
    """
    plain = [base for base in bases if isinstance(base, RivalCandidate)]
    networks = [base for base in bases if not isinstance(base, RivalCandidate) and base.weighted]
    found: dict[str, list[Candidate]] = {}
    table = known_table(rows)
    if table is None:
        return found
    teacher = best_teacher(rows, table, folds, seed)
    able = [base for base in plain if base.weighted]
    reachable = [] if teacher is None else teacher.reachable(rows, table)
    if teacher is not None and len(reachable):
        if teacher.exact:
            source = "the inputs and the auxiliary labels" if teacher.beside else _named(teacher, rows)
            notify(
                f"The main label can be inferred from {source} ({teacher.quality}): {len(reachable):,} rows without "
                "one get theirs in this way."
            )
        more = [base for base in others if base not in able[:1]] if teacher.exact else []
        networks = networks[:1] or (list(untried[:1]) if teacher.exact else [])
        teachers = OwnTeachers(table, teacher)
        for base in [*able[:1], *more, *networks]:
            found[f"infer:{base.family}"] = [InferredLabelCandidate(base, teachers)]
    fed = AuxiliaryPredictions.fit(rows, seed)
    if fed is not None:
        for base in plain[:1]:
            found[f"stack:{base.rival}"] = [RivalWithAuxiliaries(base, fed)]
    return found


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
    """

    base: Candidate
    teachers: OwnTeachers

    @property
    def family(self) -> str:  # type: ignore[override]
        """`infer:` and the candidate's family."""
        return f"infer:{self.base.family}"

    @property
    def name(self) -> str:  # type: ignore[override]
        """`infer:` and the candidate's name."""
        return f"infer:{self.base.name}"

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """One more than the candidate's, at most 9."""
        return min(self.base.simplicity + 1, 9)

    def within(self, seconds: float, rows: Rows, folds: Folds) -> "InferredLabelCandidate | None":
        """As the candidate."""
        base = self.base.within(seconds, rows, folds)
        return self if base is self.base else None if base is None else replace(self, base=base)

    def for_folds(self) -> "InferredLabelCandidate":
        """As the candidate."""
        return replace(self, base=self.base.for_folds())

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Infer labels for rows without one from what these rows say, and train on both."""
        table = self.teachers.table
        teacher = self.teachers.of(rows, kept, seed)
        others = np.intersect1d(rows.unlabelled, table.rows)
        most = max(EXACT if teacher.exact else 0, self.base.most_inferred)
        others = np.random.default_rng(seed).permutation(others)
        if teacher.lookup is None:
            others = others[:most]
        found, labels, certain = teacher.labels(rows, table, kept, others, seed)
        others, inferred, sure = found[:most], labels[:most], certain[:most]
        target = rows.y.clone()
        target[torch.from_numpy(others)] = inferred.to(target.dtype)
        weights = np.concatenate([np.ones(len(kept)), (1.0 if teacher.exact else WEIGHT) * sure])
        return self.base.teach(replace(rows, y=target), np.concatenate([kept, others]), weights, seed)
