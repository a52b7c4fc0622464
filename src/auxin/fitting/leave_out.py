"""A candidate that uses auxiliary tasks, without one of them."""

from dataclasses import replace

from auxin.fitting.auxiliaries import InferredLabelCandidate
from auxin.fitting.candidates import Candidate
from auxin.fitting.rows import Folds, Rows
from auxin.fitting.stacked import AuxiliaryPredictions, RivalWithAuxiliaries
from auxin.fitting.teachers import OwnTeachers, best_teacher, known_table


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
        table = known_table(fewer)
        teacher = None if table is None else best_teacher(fewer, table, folds, seed)
        if table is None or teacher is None:
            return None
        return fewer, replace(candidate, teachers=OwnTeachers(table, teacher))
    if isinstance(candidate, RivalWithAuxiliaries):
        fed = AuxiliaryPredictions.fit(fewer, seed)
        return None if fed is None else (fewer, replace(candidate, fed=fed))
    return fewer, candidate
