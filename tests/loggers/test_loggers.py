"""Loggers: the runs of a comparison as TensorBoard and MLflow read them."""

import json
from pathlib import Path

import pytest

from auxin import catalogue, loggers
from auxin.cli import main
from auxin.errors import ConfigError

TINY = [
    "--methods",
    "single",
    "--set",
    "steps=4",
    "--set",
    "model.channel_width=4",
    "--tries",
    "1",
    "--jobs",
    "1",
]


def compare(out: Path, name: str) -> dict[str, list[float]]:
    """Run a comparison with this log; return the training losses that the result files hold, by run."""
    with pytest.raises(SystemExit) as left:
        main(["compare", *TINY, "--seeds", "2", "--log", name, "--out", str(out)])
    assert not left.value.code
    found = {}
    for file in out.glob("runs/**/result.json"):
        run = json.loads(file.read_text())
        place = f"{run['phase']}/{run['method']}/{run['attempt']}/seed-{run['seed']}"
        found[place] = [epoch["train_loss"] for epoch in run["epochs"]]
    assert len(found) == 2
    return found


def test_tensorboard_reads_the_losses_of_every_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is the extra `tensorboard`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for place, losses in compare(tmp_path / "out", "tensorboard").items():
        events = EventAccumulator(str(tmp_path / "out" / "tensorboard" / place))
        events.Reload()
        assert [one.step for one in events.Scalars("train_loss")] == list(range(1, len(losses) + 1))
        assert [one.value for one in events.Scalars("train_loss")] == pytest.approx(losses)
        assert "learning_rate" in events.Tags()["scalars"]


def test_mlflow_reads_the_losses_of_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is the extra `mlflow`")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = compare(tmp_path / "out", "mlflow")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("auxin").experiment_id])
    assert {run.info.run_name for run in runs} == set(found)
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "train_loss")
        assert [one.value for one in history] == pytest.approx(found[run.info.run_name])
        assert run.data.params["method"] == "single"


@pytest.mark.parametrize("name", catalogue.names("loggers"))
def test_an_absent_package_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxin.loggers.base.find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=rf"{name} is not installed.*auxin\[{name}\]"):
        loggers.start(name, tmp_path)


def test_an_unknown_logger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tensorbord.*tensorboard"):
        loggers.start("tensorbord", tmp_path)
