"""A named method is judged on rows that did not train, and its network is then trained on every labelled row."""

from dataclasses import replace

import pytest
import torch

from auxin.data import Dataset, make_splits
from auxin.methods import resolve
from auxin.runs import phases
from auxin.runs.build import PreparedRun
from auxin.runs.settings import layered
from auxin.strategies.base import Phase
from auxin.studies.fit_finish import finish, follow
from auxin.studies.fit_job import FitJob
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.training.evaluate import score
from auxin.training.loop import Diverged


def data() -> Dataset:
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    tasks = {"y": Classes("y", 2, label_names=["a", "b"]), "z": Regression("z", mean=0.0, scale=1.0)}
    return Dataset(
        "d", x, tasks, {"y": (x[:, 0] > 0).long(), "z": x[:, 0]}, "y", torch.zeros(60, dtype=torch.bool)
    )


def job_of(name: str, **own: object) -> FitJob:
    dataset, method = data(), resolve(name)
    splits = make_splits(dataset, seed=0, validation=0.25, test=0.0)
    settings = layered("d", "vector", method, "adamw", {"steps": 12, "model.hidden": 4, **own}, {})  # type: ignore[dict-item]
    return FitJob(dataset, splits, method, name, settings, 0)


@pytest.mark.parametrize(("name", "guard"), [("single", False), ("equal", True), ("equal", False)])
def test_the_last_epoch_of_a_training_on_every_labelled_row_is_kept(name: str, guard: bool) -> None:
    job = job_of(name)
    trained = follow(job, guard)
    run, held = trained.outcome.run, trained.held
    assert isinstance(run, PreparedRun)
    assert held is not None
    assert len(job.roles(Phase()).train) == 60
    assert len(job.within("x", hold=True).roles(Phase()).train) == 45
    rows = job.splits.validation
    assert trained.score == score(held.network, held.pool, rows, held.task, None)
    fresh = replace(job, splits=job.splits.with_validation_in_train(), saved={}, notes=[])
    phase = fresh.phase(method=run.phase.method)
    again = fresh.fresh(phase)
    for one, two in zip(run.network.parameters(), again.network.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    record = finish(job, trained, name, started="", seconds=0.0).model.training
    assert record.epoch == record.epochs
    assert record.validation == trained.score


def test_with_patience_validation_rows_choose_the_epoch_and_never_train() -> None:
    job = job_of("single", patience=50)
    trained = follow(job, guard=False)
    run = trained.outcome.run
    assert run is trained.held
    assert run.state.best is not None
    assert trained.score == max(log.validation for log in run.state.logs if log.validation is not None)
    assert len(job.roles(Phase()).train) == 45


def test_a_phase_that_diverges_is_trained_again_at_a_third_of_its_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true_fit, rates = phases.fit, []

    def breaks(state, plan, watch) -> None:
        rates.append(plan.rate(0))
        if plan.rate(0) > 2e-3:
            raise Diverged("Training diverged in epoch 1.")
        true_fit(state, plan, watch)

    monkeypatch.setattr(phases, "fit", breaks)
    job = job_of("single", lr=3e-3)
    trained = follow(job, guard=False)
    assert rates == pytest.approx([3e-3, 1e-3, 3e-3, 1e-3])
    assert trained.outcome.run.phase.settings["lr"] == 1e-3
    assert "It was retrained with lr=0.001." in trained.outcome.notes[0]
    assert finish(job, trained, "single", started="", seconds=0.0).model.training.settings["lr"] == 1e-3


def test_the_preset_adamw_leaves_another_optimizer_its_rate() -> None:
    found = layered("d", "vector", resolve("single"), "adamw", {}, {})
    assert (found["optimizer"], found["lr"], found["clip"]) == ("adamw", 3e-3, 1.0)
    found = layered("d", "vector", resolve("single"), "adamw", {"optimizer": "sgd"}, {})
    assert (found["optimizer"], found["lr"], found["clip"]) == ("sgd", 0.1, 1.0)
