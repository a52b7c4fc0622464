"""Each strategy's own mathematics, against something independent."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from strategy_cases import follow, job, spec

from auxin import strategies
from auxin.judging.verdict import judge
from auxin.methods import resolve
from auxin.runs.phases import Phases
from auxin.runs.run import execute
from auxin.strategies.base import SINGLE, Phase
from auxin.strategies.forkmerge import ForkMerge, _Fork
from auxin.strategies.grid import Grid
from auxin.strategies.guard import Guard
from auxin.studies.lineup import step_costs
from auxin.training.loop import Diverged, EpochCallbacks, fit
from auxin.training.schedules import LearningRate


def weights(run) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in run.network.state_dict().items()}


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("strategy", ["refit", "fixed"])
def test_what_was_learned_trains_like_static_weights_to_the_bit(strategy: str, tmp_path: Path) -> None:
    outcome, given = follow(spec(f"{strategy}:linear", tmp_path / "a"))
    combiner = outcome.run.state.learner.criterion.combiner
    learned = [f"{w!r}" for w in combiner.weights()[1:].tolist()]
    assert learned != ["1.0", "1.0"]
    assert not outcome.run.state.learner.learns
    static, _ = follow(spec("static", tmp_path / "b", combiner__weights=",".join(learned)))
    assert same(weights(outcome.run), weights(static.run))
    joint, _ = follow(spec("linear", tmp_path / "c"))
    assert not same(weights(outcome.run), weights(joint.run))
    assert [record.steps for record in given.phase_log.records.values()] == [joint.run.state.step] * 2


def test_refit_trains_on_the_auxiliary_and_validation_rows_too_and_fixed_does_not(tmp_path: Path) -> None:
    rows = {}
    for name in ("linear", "fixed:linear", "refit:linear"):
        outcome, given = follow(spec(name, tmp_path / name, meta="auxiliary"))
        rows[name] = set(outcome.run.state.feed.train.tolist())
    splits = given.roles(Phase())
    held = set(given.within("x", hold=True).roles(Phase()).validation.tolist())
    assert rows["linear"] == rows["fixed:linear"]
    assert held < rows["linear"]
    assert rows["refit:linear"] == rows["linear"] | set(splits.auxiliary.tolist())
    tuning, _ = follow(spec("refit:linear", tmp_path / "tuning", final=False, meta="auxiliary"))
    assert not held & set(tuning.run.state.feed.train.tolist())  # a try is scored on them


def test_a_learned_labeler_is_carried_over_and_stays_as_it_is(tmp_path: Path) -> None:
    given = job(spec("refit:maxl", tmp_path / "a"))
    fresh = given.build(given.phase("fresh")).labeler.state_dict()
    first = given.fresh(given.phase("learning"))
    learned = {name: value.clone() for name, value in first.labeler.state_dict().items()}
    assert not same(learned, fresh)
    outcome, _ = follow(spec("refit:maxl", tmp_path / "a"))
    assert same(outcome.run.labeler.state_dict(), learned)


def test_post_train_goes_on_from_the_pretrained_weights(tmp_path: Path) -> None:
    outcome, given = follow(spec("post_train:equal", tmp_path / "a", epochs=8, strategy__share=0.25))
    records = given.phase_log.records
    assert [(record.name, record.epochs) for record in records.values()] == [
        ("pretraining", 2),
        ("fine-tuning", 6),
    ]
    # the same by hand: joint training for a quarter, then the main task alone from there
    by_hand, hand = (
        job(spec("equal", tmp_path / "b", epochs=2)),
        job(spec("single", tmp_path / "c", epochs=6)),
    )
    first = by_hand.fresh(by_hand.phase())
    second = hand.build(hand.phase())
    trunk = {k: v for k, v in weights(first).items() if k in second.network.state_dict()}
    second.network.load_state_dict(trunk)
    plan = replace(second.plan, rate=LearningRate(0.05 * 0.3, "cosine", second.state.feed.steps, 6))
    fit(second.state, plan, EpochCallbacks())
    assert same(weights(outcome.run), weights(second))


class OneBranch(ForkMerge):
    """A fork without a branch: joint training in parts."""

    def branches(self, job):
        return [job.build(job.phase("together"))]


def test_forkmerge_with_one_branch_is_joint_training(tmp_path: Path) -> None:
    asked = spec("equal", tmp_path / "a", final=False, epochs=7)
    one = OneBranch(merges=3).follow(job(asked))
    joint, _ = follow(spec("equal", tmp_path / "b", final=False, epochs=7))
    assert same(weights(one.run), weights(joint.run))


def test_forkmerge_merges_where_validation_likes_it_best(tmp_path: Path) -> None:
    """One merge at the end, against the line search done by hand on separately trained networks."""
    outcome, given = follow(spec("forkmerge:equal", tmp_path / "a", strategy__merges=1, strategy__step=0.25))
    alone, _ = follow(spec("single", tmp_path / "b", final=False))
    together, scorer = follow(spec("equal", tmp_path / "c", final=False))
    a, b = weights(alone.run), weights(together.run)
    scores = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        mixed = {k: (1 - share) * v + share * b[k] if v.is_floating_point() else v for k, v in a.items()}
        alone.run.network.load_state_dict(mixed)
        scores.append((scorer.score(alone.run), -share))
    best = -max(scores)[1]
    found = weights(outcome.run)
    for name in (k for k in a if a[k].is_floating_point()):
        torch.testing.assert_close(found[name], (1 - best) * a[name] + best * b[name])
    assert given.score(outcome.run) == max(scores)[0] if not given.refit else True
    assert f"the shares {best:g}." in outcome.notes[0]


def test_after_a_merge_both_branches_go_on_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores are all alike, so that the main task's branch is taken as it is."""
    seen, merge = [], _Fork.merge

    def watched(fork: _Fork, shares) -> None:
        merge(fork, shares)
        seen.append([weights(run) for run in fork.runs])

    monkeypatch.setattr(_Fork, "merge", watched)
    ForkMerge(merges=2).follow(scripted("forkmerge:equal", tmp_path / "a", {"fork": 0.5}, final=False))
    assert len(seen) == 2
    assert all(torch.equal(value, second[name]) for first, second in seen for name, value in first.items())


class Scripted(Phases):
    """Validation scores that were written beforehand, by the phases' names; some phases diverge."""

    scores: dict[str, float]
    diverging: tuple[str, ...] = ()

    def score(self, run) -> float:
        return next(value for name, value in Scripted.scores.items() if run.phase.name.startswith(name))

    def train(self, run, **how) -> None:
        if run.phase.name.startswith(Scripted.diverging):
            raise Diverged("Training diverged in epoch 1.")
        super().train(run, **how)


def scripted(method: str, folder: Path, scores: dict[str, float], diverging=(), **how) -> Scripted:
    given = job(spec(method, folder, **how))
    Scripted.scores, Scripted.diverging = scores, tuple(diverging) or ("nothing",)
    return Scripted(given.dataset, given.spec, given.method, given.name)


@pytest.mark.parametrize(
    ("method", "single", "margin", "kept", "words"),
    [
        (0.8, 0.7, 0.0, "equal", "equal is kept: equal scored 0.8000 on the validation rows, single 0.7000."),
        (0.7, 0.8, 0.0, "single", "single is kept: equal scored 0.7000"),
        (0.7, 0.7, 0.0, "single", "ties go to single."),
        (0.72, 0.7, 0.05, "single", "which is not better by more than 0.05."),
        (float("nan"), 0.1, 0.0, "single", "equal scored diverged"),
    ],
)
def test_the_guard_keeps_what_validation_prefers(method, single, margin, kept, words, tmp_path: Path) -> None:
    given = scripted("guard:equal", tmp_path / "a", {"method": method, "single": single}, final=False)
    outcome = Guard(margin=margin).follow(given)
    assert outcome.decision.kept == kept
    assert words in outcome.decision.sentence
    assert outcome.notes[0] == outcome.decision.sentence
    assert ("fine" in outcome.run.network.heads) == (kept == "equal")
    expected, _ = follow(spec(kept, tmp_path / "b", final=False))
    assert same(weights(outcome.run), weights(expected.run))


@pytest.mark.parametrize(("method", "kept"), [(0.9, "equal"), (0.05, "single")])
def test_the_guards_winner_trains_on_the_validation_rows_in_a_final_run(method, kept, tmp_path: Path) -> None:
    given = scripted("guard:equal", tmp_path / "a", {"method": method, "single": 0.1})
    outcome = Guard().follow(given)
    expected, _ = follow(spec(kept, tmp_path / "b"))
    assert same(weights(outcome.run), weights(expected.run))
    assert [(r.name, r.rows) for r in given.phase_log.records.values()] == [
        ("method", "held"),
        ("single", "held"),
        ("kept", "run"),
    ]


def test_the_guard_survives_a_method_that_diverges(tmp_path: Path) -> None:
    given = scripted("guard:equal", tmp_path / "a", {"single": 0.4}, ["method"])
    outcome = Guard().follow(given)
    assert outcome.decision.kept == "single"
    assert np.isnan(outcome.decision.scores["equal"])
    with pytest.raises(Diverged, match="both with the auxiliaries and without"):
        Guard().follow(scripted("guard:equal", tmp_path / "b", {}, ["method", "single"]))


def test_the_grid_keeps_the_weights_that_validation_prefers(tmp_path: Path) -> None:
    scores = {"try-1": 0.2, "try-2": 0.7, "try-3": 0.7, "try-4": 0.1}
    given = scripted("grid:equal", tmp_path / "a", scores)
    outcome = Grid(values="0,0.5", limit=4).follow(given)
    assert outcome.decision.scores == {
        "fine=0, noise=0": 0.2,
        "fine=0, noise=0.5": 0.7,
        "fine=0.5, noise=0": 0.7,
        "fine=0.5, noise=0.5": 0.1,
    }
    assert outcome.decision.kept == "fine=0, noise=0.5"
    expected, _ = follow(spec("static", tmp_path / "b", combiner__weights="0,0.5"))
    assert same(weights(outcome.run), weights(expected.run))
    assert len(given.phase_log.records) == 5


def test_a_grid_too_large_gives_all_auxiliaries_one_weight() -> None:
    assert Grid(values="0,1,3", limit=8)._points(2) == [(0.0, 0.0), (1.0, 1.0), (3.0, 3.0)]
    assert len(Grid(values="0,1,3", limit=9)._points(2)) == 9


def test_a_forks_lost_branch_is_left_behind(tmp_path: Path) -> None:
    given = scripted("forkmerge:equal", tmp_path / "a", {"fork": 0.5}, ["fork-together"], final=False)
    outcome = ForkMerge(merges=2).follow(given)
    assert "diverged and was left behind" in outcome.notes[1]
    alone, _ = follow(spec("single", tmp_path / "b", final=False))
    assert same(weights(outcome.run), weights(alone.run))


def test_options_reach_the_strategy_that_has_them() -> None:
    guard = strategies.build("guard:post_train", {"margin": 0.1, "share": 0.3})
    assert (guard.margin, guard.inner.share) == (0.1, 0.3)


def test_what_a_strategy_spent_is_said(tmp_path: Path) -> None:
    runs = [execute(spec(name, tmp_path / name)) for name in ("single", "refit:linear", "guard:linear")]
    said = step_costs(runs)
    assert "refit:linear takes 20 steps per run, 2.0 times as many as single-task training." in said[0]
    (row,) = [row for row in judge(runs, validation={}).rows if row.kept]
    assert (row.method, row.kept) == ("guard:linear", {runs[2].decision.kept: 1})
    assert runs[2].decision.sentence in runs[2].notes
    assert runs[2].phases[-1].kept


def test_single_is_the_main_task_alone() -> None:
    assert resolve("single") == SINGLE


def test_the_strategy_in_the_documents_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
    code = next(block for block in page.split("```python\n") if "class Warm" in block).split("```")[0]
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "warm.py").write_text(code)
    monkeypatch.setenv("AUXIN_PLUGINS", str(tmp_path))
    outcome, given = follow(spec("warm:equal", tmp_path / "run", strategy__epochs=3))
    assert outcome.notes == ("Warmed up for 3 epochs.",)
    assert next(r.epochs for r in given.phase_log.records.values()) == 3
    sys.modules.pop("auxin.strategies.warm")
