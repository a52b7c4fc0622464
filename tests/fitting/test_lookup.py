"""A table from an auxiliary task's classes to the main ones: found where it holds, used for the rows it reaches."""

import numpy as np
import pytest
import torch

from auxin.fitting.auxiliaries import InferredLabelCandidate, teachers_of
from auxin.fitting.candidates import Candidate, RivalCandidate
from auxin.fitting.lookup import lookup_of
from auxin.fitting.rows import Folds, Rows, make_folds
from auxin.fitting.search import Search
from auxin.fitting.teachers import best_teacher, known_table
from auxin.tasks.classes import Classes

FINE, MAIN = 60, 3
PARITY = torch.arange(60) % 2


def rows_of(known: int = 90, rows: int = 400, wrong: float = 0.0) -> Rows:
    """Sixty fine classes, spread over three main ones at random; inputs say little; few rows carry the main class."""
    draw = np.random.default_rng(0)
    parent = torch.from_numpy(np.random.default_rng(1).permutation(FINE) % MAIN)
    fine = torch.from_numpy(draw.integers(0, FINE, rows))
    main = parent[fine].clone()
    flipped = torch.from_numpy(draw.random(rows) < wrong)
    main[flipped] = (main[flipped] + 1) % MAIN
    x = (main.numpy()[:, None] * 0.5 + draw.normal(size=(rows, 4))).astype(np.float32)
    y = main.clone()
    y[known:] = -1
    return Rows(x, Classes("y", MAIN), y, {"fine": (Classes("fine", FINE), fine)})


def test_labels_are_those_of_the_table_and_only_for_classes_in_it() -> None:
    rows = rows_of()
    found = lookup_of(rows)
    assert found is not None
    some = rows.labelled[:40]
    reached, labels = found.labels(rows, some, rows.unlabelled)
    fine = rows.auxiliaries["fine"][1]
    known = {int(fine[row]): int(rows.y[row]) for row in some}
    assert reached.tolist() == [row for row in rows.unlabelled.tolist() if int(fine[row]) in known]
    assert labels.tolist() == [known[int(fine[row])] for row in reached]
    assert 0 < len(reached) < len(rows.unlabelled)


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(wrong=0.1),  # no function
        rows_of(known=12),  # no fine class often enough among the labelled rows
        Rows(
            np.zeros((60, 1)),
            Classes("y", 2),
            torch.zeros(60).long(),
            {"a": (Classes("a", 2), torch.arange(60) % 2)},
        ),
    ],
    ids=["noise", "few", "one main class"],
)
def test_what_is_no_table_is_not_taken_for_one(rows: Rows) -> None:
    assert lookup_of(rows) is None


@pytest.mark.full_size
def test_inferred_labels_come_first_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxin.fitting.search.process_candidates", lambda *_: {})
    scored: list[str] = []
    score = Search._score

    def spied(search: Search, candidate: Candidate) -> None:
        scored.extend([] if candidate.name in search.candidates else [candidate.family])
        score(search, candidate)

    monkeypatch.setattr(Search, "_score", spied)
    with monkeypatch.context() as small:  # what networks learn from the table is not asked
        small.setattr("auxin.fitting.network.STEPS", 20)
        Search(rows_of(), families=["logistic", "svc"], tries=1).run()
    assert scored[:3] == ["constant guess", "infer:logistic", "logistic"]
    assert scored.count("infer:logistic") == 1
    scored.clear()
    Search(rows_of(wrong=0.1), families=["logistic", "svc"], tries=1).run()
    assert scored.index("infer:logistic") > scored.index("network + auxiliaries")


def test_a_short_time_means_fewer_inferred_labels_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, asked = rows_of(rows=2000), []
    folds = make_folds(rows, 5, 1, 0)
    teachers = teachers_of(rows, folds, 0, lambda _: None)
    assert teachers is not None

    def within(self, seconds: float, rows: Rows, folds: Folds, more: int = 0) -> RivalCandidate | None:
        asked.append(more)
        return self if more <= seconds else None

    monkeypatch.setattr(RivalCandidate, "within", within)
    one = InferredLabelCandidate(RivalCandidate("logistic", {}), teachers)
    found = [one.within(seconds, rows, folds) for seconds in (1e4, 1e3, 1e2)]
    usual, fewer = asked[0], asked[2]
    assert usual // 4 == fewer < 1e3 < usual
    assert found[0] is one
    assert found[1] is not None
    assert (found[1].at_most, found[2]) == (fewer, None)
    assert found[1].name == f"infer:logistic of {fewer} inferred labels"
    learned: list[int] = []
    monkeypatch.setattr(RivalCandidate, "teach", lambda self, rows, kept, *_: learned.append(len(kept)))
    for candidate in (one, found[1]):
        candidate.train(rows, rows.labelled, 0)
    assert learned == [90 + usual, 90 + fewer]


def test_the_search_says_so_and_every_fold_uses_its_own_table() -> None:
    rows, said = rows_of(), []
    table = known_table(rows)
    assert table is not None
    teacher = best_teacher(rows, table, make_folds(rows, 5, 1, 0), 0)
    assert teacher is not None
    assert teacher.lookup is not None  # the linear model is wrong on fine classes that a fold does not have
    search = Search(rows, families=["logistic", "svc"], tries=1, notify=said.append)
    choice = search.run()
    assert any("from the classes of fine by a table" in sentence for sentence in said)
    inferred = choice.best["infer:logistic"].loss.mean()
    assert inferred < choice.best["logistic"].loss.mean()
    held = rows.labelled[search.folds.parts[0] == 0]
    y = rows.y.clone()
    y[torch.from_numpy(held)] = 0
    other = Rows(rows.x, rows.task, y, rows.auxiliaries)
    for name, candidate in search.candidates.items():
        if isinstance(candidate, InferredLabelCandidate):
            kept = np.setdiff1d(rows.labelled, held)
            one, two = (candidate.predicted(r, kept, rows.x[held], 0) for r in (rows, other))
            assert torch.equal(one, two), name
