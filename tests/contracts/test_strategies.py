"""Every strategy: it runs by name on its default method, is deterministic, resumes bit for bit, keeps honest books."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "strategies"))
from strategy_cases import follow, job, spec

from auxin import catalogue, strategies
from auxin.errors import ConfigError
from auxin.methods import full_name, resolve
from auxin.runs.rows import split_rows
from auxin.runs.run import execute, rebuild, score_rows
from auxin.training import loop
from auxin.training import state as checkpoints

NAMES = catalogue.names("strategies")
CHAINS = [*NAMES, "guard:refit:softmax", "guard:forkmerge:equal"]


class Killed(BaseException):
    """Stands for kill -9: nothing may run after it."""


def weights(outcome) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in outcome.run.network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_sweep_is_whole() -> None:
    assert {"joint", "fixed", "refit", "post_train", "forkmerge", "grid", "guard"} <= set(NAMES)


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("final", [False, True])
def test_it_runs_and_its_books_are_honest(
    name: str, final: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    step = loop.TrainState.__setattr__

    def counted(self, key, value) -> None:
        nonlocal taken
        if key == "step" and hasattr(self, "step") and value == self.step + 1:
            taken += 1
        step(self, key, value)

    monkeypatch.setattr(loop.TrainState, "__setattr__", counted)
    asked = spec(full_name(name, True), tmp_path, final=final)
    found = execute(asked)
    assert found.steps == taken > 0
    assert sum(phase.kept for phase in found.phases) == 1
    score = found.scores.development if final else found.scores.validation
    assert score is not None
    assert 0 <= score <= 1
    if not final:
        assert found.scores.development is None
        assert not [e for e in found.epochs if "development" in e.measures]
    assert not list(tmp_path.glob("checkpoint*"))
    lines = (tmp_path / "epochs.jsonl").read_text().splitlines()
    assert len(lines) == sum(phase.epochs for phase in found.phases)


def test_a_run_that_was_killed_after_its_last_checkpoint_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setenv("AUXIN_CHECKPOINT_SECONDS", "0")
    whole = execute(spec("maxl", tmp_path / "whole", final=True))
    with monkeypatch.context() as patch:
        patch.setattr("auxin.runs.run.write_json", killed)
        with pytest.raises(Killed):
            execute(spec("maxl", tmp_path / "killed", final=True))
    assert list((tmp_path / "killed").glob("checkpoint*"))
    again = execute(spec("maxl", tmp_path / "killed", final=True))
    assert again.label_measures == whole.label_measures != {}
    assert (again.warnings, again.scores) == (whole.warnings, whole.scores)


@pytest.mark.parametrize("name", CHAINS)
def test_resume_is_exact_wherever_it_is_killed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed again and again, each time a few epochs further on: bit for bit the uninterrupted run."""
    method = full_name(name, True)
    whole, books = follow(spec(method, tmp_path / "whole", epochs=6))
    epochs = sum(record.epochs for record in books.phase_log.records.values())
    fit, left = loop.fit, 0

    def dying(state, plan, watch) -> None:
        def told(log) -> None:
            nonlocal left
            if watch.on_epoch is not None:
                watch.on_epoch(log)
            left -= 1
            if left < 0:
                raise Killed

        fit(state, plan, replace(watch, on_epoch=told, interval=0.0))

    monkeypatch.setattr("auxin.runs.phases.fit", dying)
    kills, outcome = 0, None
    while outcome is None:
        left = 4
        torch.manual_seed(kills)  # another process has another random state
        try:
            outcome, again = follow(spec(method, tmp_path / "killed", epochs=6))
        except Killed:
            kills += 1
            assert kills < epochs
    assert kills >= epochs // 5 - 1
    assert same(weights(whole), weights(outcome))
    assert [r.steps for r in books.phase_log.records.values()] == [
        r.steps for r in again.phase_log.records.values()
    ]
    assert outcome.decision == whole.decision
    assert outcome.notes == whole.notes


@pytest.mark.parametrize("name", CHAINS)
def test_the_saved_network_is_rebuilt_for_confirmation(name: str, tmp_path: Path) -> None:
    asked = replace(spec(full_name(name, True), tmp_path), keep_weights=True)
    found = execute(asked)
    built, splits = rebuild(asked)
    assert score_rows(built, splits.development, None)[0] == pytest.approx(found.scores.development)


@pytest.mark.parametrize("name", NAMES)
def test_an_option_it_does_not_have_is_refused(name: str) -> None:
    if name != "joint":
        with pytest.raises(ConfigError, match=f"strategy {name} has no option 'nonsense'"):
            strategies.build(name, {"nonsense": 1})


@pytest.mark.parametrize("name", NAMES)
def test_no_network_is_scored_on_rows_it_trained_on(name: str, tmp_path: Path) -> None:
    """Validation rows decide only over networks that did not train on them."""
    asked = spec(full_name(name, True), tmp_path)
    given = job(asked)
    held = set(split_rows(asked.data, asked.split, 0, False).validation.tolist())
    seen = []

    def watch(run) -> float:
        seen.append(not held & set(run.state.feed.train.tolist()))
        return 0.5

    class Watched(type(given)):
        def score(self, run) -> float:
            return watch(run)

    watched = Watched(given.dataset, asked, given.method, given.name)
    outcome = strategies.build(given.method.strategy).follow(watched)
    assert all(seen)
    member = catalogue.load("strategies", name)
    assert bool(seen) == member.needs_validation
    assert (held <= set(outcome.run.state.feed.train.tolist())) != member.holds_validation


def test_names_are_composed_and_completed() -> None:
    assert full_name("guard:refit", False) == "guard:refit:maxl"
    assert resolve("guard:refit:softmax").strategy == "guard:refit"
    assert resolve("joint:softmax") == resolve("softmax")
    assert resolve("guard:torchjd:upgrad").combiner == "torchjd:upgrad"
    for wrong, why in {
        "refit:guard:softmax": "only some, such as guard, can hold another",
        "guard:single": "nothing to decide",
        "grid:softmax": "a grid holds them constant",
        "post_train:single": "nothing beside the main task",
        "untrained:equal": "learns nothing by the hypergradient",
        "untrained:refit:softmax": "refit:untrained:softmax",
        "refits": "Did you mean 'refit'",
    }.items():
        with pytest.raises(ConfigError, match=why):
            resolve(wrong)


def test_a_damaged_checkpoint_of_a_phase_is_set_aside(tmp_path: Path) -> None:
    asked = spec("refit:softmax", tmp_path)
    given = job(asked)
    first = given.fresh(given.phase("learning"))
    file = tmp_path / "checkpoint-learning.pt"
    assert checkpoints.read(file)["step"] == first.state.step
    file.write_bytes(file.read_bytes()[:100])
    with pytest.warns(UserWarning, match=r"checkpoint-learning\.pt.*starts again"):
        follow(asked)
    assert (tmp_path / "checkpoint-learning.pt.damaged").exists()
