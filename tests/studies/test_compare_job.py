"""The comparison as a whole, tiny: the same again, going on, being interrupted, refusing, plugins, confirmation."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from auxin.errors import AuxinError, ConfigError, RunError
from auxin.records.results import Comparison, RunResult
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.shared import Compute, TrainingRequest
from auxin.sources.forest import ForestSource
from auxin.sources.with_auxiliaries import WithAuxiliaries
from auxin.store import read_json
from auxin.strategies.rule_pretrain import RulePretrain
from auxin.studies import compare as comparing
from auxin.studies.compare import CompareStudy
from auxin.studies.confirm import confirm
from auxin.studies.engine import Progress

SMALL = {"steps": 6, "batch": 25, "model.channel_width": 4, "every": 2}


def request(out: Path, **changes) -> CompareRequest:
    base = CompareRequest(
        data=DataSpec(name="digits"),
        split=SplitSpec(labels_per_class=5),
        methods=("single", "maxl_frozen", "maxl"),
        out=out,
        training=TrainingRequest(settings=SMALL),
        compute=Compute(jobs=1),
        seeds=2,
        tries=2,
        tuning_seeds=1,
    )
    if "settings" in changes:
        changes["training"] = TrainingRequest(settings=changes.pop("settings"))
    return CompareRequest.model_validate({**dict(base), **changes})


def run(asked: CompareRequest) -> Comparison:
    return CompareStudy(asked, lambda _: None).run()


def results(folder: Path) -> dict[str, dict]:
    return {
        str(f.relative_to(folder)): json.loads(f.read_text())
        for f in sorted(folder.glob("runs/**/result.json"))
    }


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory):
    out = tmp_path_factory.mktemp("compare") / "out"
    return out, run(request(out))


def test_the_whole_job(once) -> None:
    out, found = once
    assert [row.method for row in found.rows] == ["single", "maxl_frozen", "maxl"]
    assert [row.role for row in found.rows] == ["single", "control", "method"]
    assert found.finished
    assert found.seeds == [0, 1]
    assert found.rows[2].versus_twin is not None
    assert found.rows[2].judged_by == found.best_control
    assert found.splits["train"] == 50
    assert found.splits["train while tuning"] == 40
    assert found.splits["labels per class"] == 5
    assert len(results(out)) == 3 * 2 + 3 * 2
    assert (out / "comparison.json").exists()


def test_every_method_has_the_same_splits_and_tuning_seeds_are_never_reported(once) -> None:
    out, _ = once
    hashes: dict[tuple, set] = {}
    for result in results(out).values():
        hashes.setdefault((result["phase"], result["seed"]), set()).add(result["split_hash"])
        assert (result["seed"] >= comparing.TUNING) == (result["phase"] == "tuning")
        if result["phase"] == "tuning":  # selection never sees a test row
            assert result["scores"]["development"] is None
        assert result["scores"]["confirmation"] is None
    assert all(len(found) == 1 for found in hashes.values())


def test_the_same_again_is_the_same_and_trains_nothing(once, monkeypatch: pytest.MonkeyPatch) -> None:
    out, found = once
    from auxin.runs import run as running

    def refuse(_spec) -> None:
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr(running, "_Execution", refuse)
    assert run(request(out)).rows == found.rows


def test_the_same_seed_gives_the_same_numbers_elsewhere(once, in_workers: Comparison, tmp_path: Path) -> None:
    _, found = once
    again = run(request(tmp_path / "again", methods=("single", "maxl"), tries=1))
    theirs = {row.method: row.scores for row in in_workers.rows if row.method != "parrot"}
    assert {row.method: row.scores for row in again.rows} == theirs
    assert {"single", "maxl"} <= set(theirs)
    assert found.split_hashes == again.split_hashes


def test_the_folder_of_another_comparison_is_refused(once, tmp_path: Path) -> None:
    out, _ = once
    with pytest.raises(RunError, match=r"different study.*seeds was 2, now 3"):
        run(request(out, seeds=3))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        run(request(tmp_path))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_interruption_keeps_what_is_finished_and_goes_on(once, tmp_path: Path) -> None:
    _, found = once
    out = tmp_path / "out"

    def interrupt(event) -> None:
        if isinstance(event, Progress) and event.phase == "final runs" and event.done == 4:
            raise KeyboardInterrupt

    job = CompareStudy(request(out), interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.run()
    partly = job.judge(job.done)
    assert not partly.finished
    assert sum(len(row.scores) for row in partly.rows) == 4
    assert run(request(out)).rows[2].scores == found.rows[2].scores


def test_bad_requests_write_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bad = [
        {"methods": ("maxxl",)},
        {"methods": ("given",)},
        {"metric": "speed"},
        {"seeds": 0},
        {"settings": {"lerning": 1}},
        {"split": SplitSpec(labels_per_class=500)},
        {"data": DataSpec(name="digitz")},
        {"preset": "best"},
    ]
    for changes in bad:
        with pytest.raises((AuxinError, ValidationError)):
            run(request(out, **changes))
        assert not out.exists(), changes


def test_options_a_part_does_not_take_are_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Maxl does not accept its options"):
        run(request(tmp_path / "out", tries=1, settings={**SMALL, "labeler.entropi": 1.0}, methods=("maxl",)))


def test_all_methods_leaves_out_what_cannot_run_and_says_why(tmp_path: Path) -> None:
    told: list[str] = []
    job = CompareStudy(
        request(tmp_path / "out", methods=("all",)), lambda e: told.append(e) if isinstance(e, str) else None
    )
    assert {"single", "maxl", "maxl_frozen", "random", "clusters", "rotation"} <= set(job.methods)
    assert "given" not in job.methods
    assert any("given is left out: the data have no auxiliary labels" in sentence for sentence in told)


def table(folder: Path) -> str:
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 4, 160)
    x = rng.normal(size=(160, 5)).astype("float32") + fine[:, None]
    y = np.where(np.arange(160) < 40, -1, fine // 2)
    weight = (x.sum(1) * 1000).astype("float32")
    np.savez(folder / "table.npz", x=x, y=y, fine=fine, weight=weight)
    return str(folder / "table.npz")


def test_every_known_method_runs_on_a_table_with_auxiliaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in (ForestSource, WithAuxiliaries):
        monkeypatch.setattr(source.__init__, "__defaults__", (3,))  # trees
    monkeypatch.setattr(RulePretrain.__init__, "__defaults__", ("small", 3, 32))  # steps of a learned rule
    data = DataSpec(name=table(tmp_path), aux="fine,weight", target="y")
    small = {"steps": 2, "batch": 20, "model.hidden": 6, "every": 1}
    asked = request(
        tmp_path / "out", data=data, split=SplitSpec(), methods=("all",), tries=1, seeds=1, settings=small
    )
    job = CompareStudy(asked, lambda _: None)
    found = job.run()
    assert {"linear", "softmax", "monotone", "uncertainty", "dwa", "gradnorm", "pcgrad", "aux_nash"} <= set(
        job.methods
    )
    assert len(found.rows) >= 20
    assert [row.method for row in found.rows if not np.isfinite(row.mean)] == []
    assert {row.method for row in found.rows if row.role == "method"} >= {
        "maxl",
        "auxilearn",
        "linear",
        "aux_nash",
    }


def test_a_diverged_run_is_a_result_and_counts_as_the_worst(tmp_path: Path) -> None:
    settings = {**SMALL, "lr": 1e6, "schedule": "constant", "steps": 20}
    found = run(request(tmp_path / "out", methods=("single",), tries=1, settings=settings))
    assert found.rows[0].mean <= 0.1
    assert any("diverged" in text.lower() for text in found.rows[0].warnings)


PLUGIN = '''"""Every sample gets its main class's first auxiliary class: teaches nothing new."""

import torch

from auxin.labelers.base import Labeler


class Parrot(Labeler):
    """Repeats the main label."""

    def __init__(self, main, hierarchy):
        super().__init__()
        self.main, self.hierarchy, self.classes = main, hierarchy, hierarchy.classes

    @classmethod
    def build(cls, context):
        """Needs nothing."""
        return cls(context.main, context.hierarchy)

    def forward(self, batch):
        """One-hot [B, K]."""
        main = batch.y[self.main]
        starts = torch.tensor(self.hierarchy.starts(), device=main.device)
        targets = torch.nn.functional.one_hot(starts[main.clamp(min=0)], self.classes).float()
        return torch.where((main >= 0).unsqueeze(1), targets, float("nan"))
'''


@pytest.fixture(scope="module")
def in_workers(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """One comparison in two worker processes, with a labeler of a plugin folder among its methods."""
    tmp_path = tmp_path_factory.mktemp("workers")
    folder = tmp_path / "mine" / "labelers"
    folder.mkdir(parents=True)
    (folder / "parrot.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AUXIN_PLUGINS", str(tmp_path / "mine"))
        return run(
            request(tmp_path / "out", methods=("single", "maxl", "parrot"), tries=1, compute=Compute(jobs=2))
        )


def test_adding_a_labeler_is_adding_one_file(in_workers: Comparison) -> None:
    (row,) = [row for row in in_workers.rows if row.method == "parrot"]
    assert len(row.scores) == 2
    assert row.role == "control"


def test_confirmation_opens_once(once) -> None:
    out, found = once
    before = results(out)
    confirmed = confirm(request(out))
    assert confirmed.half == "confirmation"
    assert [row.method for row in confirmed.rows] == [row.method for row in found.rows]
    assert confirmed.rows[0].scores != found.rows[0].scores
    assert results(out) == before
    assert confirm(request(out)) == confirmed  # read back, not opened again
    with pytest.raises(RunError, match="no finished comparison"):
        confirm(request(out.parent / "empty"))


def test_confirmation_is_refused_for_a_comparison_that_changed(once, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "copy"
    shutil.copytree(once[0], out)
    confirm(request(out))
    text = (out / "comparison.json").read_text()
    score = next(iter(once[1].rows[0].scores.values()))
    (out / "comparison.json").write_text(text.replace(str(score), "0.123456"))
    with pytest.raises(RunError, match="already been opened"):
        confirm(request(out))


def test_a_budget_cuts_and_keeps_to_its_plan(tmp_path: Path) -> None:
    asked = request(tmp_path / "out", methods=("single",), seeds=3, budget=0.001)
    found = run(asked)
    assert any("smallest comparison" in cut for cut in found.cuts)
    assert found.seeds == [0, 1]
    assert run(asked).cuts == found.cuts


def test_a_budget_is_planned_from_a_tenth_of_a_run(tmp_path: Path) -> None:
    asked = request(tmp_path / "out", methods=("single",), seeds=1, tries=1, budget=600.0)
    asked = asked.model_copy(
        update={"training": TrainingRequest(settings={**asked.training.settings, "steps": 40})}
    )
    assert run(asked).cuts == []
    (pilot,) = (tmp_path / "out").glob("runs/tuning/*/*/*/result.json")
    assert read_json(pilot, RunResult).settings["steps"] == 4
    assert read_json(next((tmp_path / "out").glob("runs/final/*/*/*/result.json")), RunResult).steps == 40


def test_an_estimators_pilot_is_a_whole_run(tmp_path: Path) -> None:
    study = CompareStudy(request(tmp_path, methods=("single", "logistic"), budget=600.0), lambda _: None)
    steps = {"seconds": 2.0, "seconds_per_step": None, "steps": None}
    done = {
        unit.digest: SimpleNamespace(
            method=name, settings={**study.settings_of(name, {}), "steps": 1}, **steps
        )
        for name, unit in zip(study.methods, study._pilots(), strict=True)
    }
    length = study.settings_of("single", {})["steps"]
    assert study._run_seconds(done) == {"single": 2.0 * length, "logistic": 2.0}


def test_result_files_hold_what_a_claim_needs(once) -> None:
    out, _ = once
    file = next(out.glob("runs/final/maxl/final/seed-0/result.json"))
    found = read_json(file, RunResult)
    assert found.settings["labeler.entropy"] == 0.01
    assert found.versions["torch"]
    assert found.hardware["device"] == "cpu"
    assert len(found.correct["development"]) == 450
    assert sum(found.correct["development"]) / 450 == pytest.approx(found.scores.development)
    assert "label_entropy.sample" in found.label_measures
    lines = (file.parent / "epochs.jsonl").read_text().splitlines()
    assert len(lines) == len(found.epochs)
    assert not (file.parent / "checkpoint.pt").exists()
