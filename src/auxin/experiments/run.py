"""One run: one method, one setting, one seed; from data to a result file. Runs the same in this process or another."""

import math
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from auxin.data import Splits
from auxin.errors import RunError, message
from auxin.experiments.build import Built, build
from auxin.experiments.environment import hardware, versions
from auxin.experiments.measures import Measures
from auxin.experiments.rows import DataSpec, SplitSpec, load_data, split_rows
from auxin.experiments.schema import (
    EpochRecord,
    Phase,
    RunResult,
    Scores,
    append_line,
    read_json,
    write_json,
)
from auxin.methods import resolve
from auxin.methods._base import Setting
from auxin.tasks._base import Task
from auxin.training.evaluate import outputs
from auxin.training.loop import Diverged, Watch, fit
from auxin.training.state import EpochLog

LABELS_FILE = "labels.safetensors"
"""The labels that a run's labeler gives to the development rows in the end, to compare runs by."""

LOOKS = 20
"""How often a run's learning curve on the development rows is measured, about."""


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines one run.

    Attributes:
        data: which data.
        split: how rows get their roles.
        method: its name.
        attempt: the name of the try.
        phase: "tuning" or "final".
        settings: every hyperparameter, flat.
        seed: of splits, initial weights and batch order.
        metric: the user's, or None for the main task's default.
        refit: whether the validation rows train too (final runs, whose settings are already chosen).
        device: "cpu", "cuda" ...
        folder: where the run's files go.
        keep_weights: whether the trained network is saved.
    """

    data: DataSpec
    split: SplitSpec
    method: str
    attempt: str
    phase: Phase
    settings: Mapping[str, Setting]
    seed: int
    folder: str
    metric: str | None = None
    refit: bool = False
    device: str = "cpu"
    keep_weights: bool = False


def finished(spec: RunSpec) -> RunResult | None:
    """The result of this very run, if it is there already."""
    file = Path(spec.folder) / "result.json"
    if not file.exists():
        return None
    found = read_json(file, RunResult)
    same = found.settings == dict(spec.settings) and (found.method, found.seed) == (spec.method, spec.seed)
    return found if same else None


def execute(spec: RunSpec) -> RunResult:
    """Run it, going on from its checkpoint if it was interrupted; a finished run is read back.

    A run whose loss becomes infinite ends with a NaN score and a warning: that, too, is a result.
    """
    done = finished(spec)
    return done if done is not None else _Execution(spec).result()


@dataclass(eq=False)
class _Execution:
    """One run while it lasts."""

    spec: RunSpec
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        self.folder = Path(self.spec.folder)
        self.dataset = load_data(self.spec.data)
        self.splits = split_rows(self.spec.data, self.spec.split, self.spec.seed, self.spec.refit)
        method = resolve(self.spec.method)
        self.built = build(
            self.dataset, self.splits, method, self.spec.settings, self.spec.seed, self.spec.device
        )
        self.measures = Measures(self.built, self.splits)
        self.begun = time.perf_counter()  # data and splits are read once per process, not once per run

    def result(self) -> RunResult:
        """Train, score, write."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(message(f"The folder {self.folder} cannot be made: {error}")) from error
        warnings = self._train()
        result = self._result(warnings)
        if self.spec.keep_weights:
            save_tensors(self.built.network.state_dict(), self.folder / "network.safetensors")
            save_tensors(self.measures.generated(self.splits.development), self.folder / LABELS_FILE)
        write_json(self.folder / "result.json", result)
        (self.folder / "checkpoint.pt").unlink(missing_ok=True)
        return result

    def _train(self) -> list[str]:
        (self.folder / "epochs.jsonl").unlink(missing_ok=True)
        self.written = 0
        watch = Watch(
            validation=self._scorer(self.splits.validation) if len(self.splits.validation) else None,
            development=self._curve(),
            measures=self.measures.epoch,
            on_epoch=self._write_new,
            checkpoint=self.folder / "checkpoint.pt",
        )
        try:
            fit(self.built.state, self.built.plan, watch)
        except Diverged as error:
            return [str(error)]
        self._write_new()
        dropped = self.built.state.learner.criterion.dropped
        left_out = [f"{name} was left out {n} times: its loss was not finite." for name, n in dropped.items()]
        return [*self.measures.warnings(), *left_out]

    def _write_new(self, _: EpochLog | None = None) -> None:
        """Write the epochs that are not in the file yet; after a resume, those before it too."""
        for log in self.built.state.logs[self.written :]:
            append_line(self.folder / "epochs.jsonl", _record(log, self.built.task.name))
        self.written = len(self.built.state.logs)

    def _scorer(self, rows: Tensor) -> Callable[[], float]:
        def score() -> float:
            found, wanted = outputs(self.built.network, self.built.pool, rows, self.built.task)
            return self.built.task.score(found, wanted, self.spec.metric)

        return score

    def _curve(self) -> Callable[[], float] | None:
        """The development score at some epochs of a final run; NaN stands for an epoch that was not looked at."""
        if self.spec.phase == "tuning":
            return None
        total, average = self.built.plan.epochs, int(self.spec.settings["average"] or 1)
        score, every = self._scorer(self.splits.development), max(1, total // LOOKS)

        def look() -> float:
            epoch = len(self.built.state.logs) + 1
            due = epoch % every == 0 or epoch > total - average
            return score() if due else math.nan

        return look

    def _result(self, warnings: list[str]) -> RunResult:
        spec, state = self.spec, self.built.state
        diverged = (
            len(state.logs) < self.built.plan.epochs and bool(warnings) and self.built.plan.patience is None
        )
        scores, correct = (_lost(spec), {}) if diverged else self._scores()
        steps = [log.seconds / log.steps for log in state.logs]
        phi = state.learner.problem.phi
        return RunResult(
            method=spec.method,
            attempt=spec.attempt,
            phase=spec.phase,
            settings=dict(spec.settings),
            seed=spec.seed,
            dataset=self.dataset.name,
            split_hash=self.splits.hash,
            metric=spec.metric or self.built.task.metrics[0],
            epochs=[_record(log, self.built.task.name) for log in state.logs],
            scores=scores,
            correct=correct,
            seconds=time.perf_counter() - self.begun,
            seconds_per_step=statistics.median(steps) if steps else None,
            parameters={
                "primary": sum(p.numel() for p in self.built.network.parameters()),
                "auxiliary": sum(p.numel() for p in phi),
            },
            label_measures=self.measures.last(),
            versions=versions(),
            hardware=hardware(spec.device),
            warnings=warnings,
            notes=list(state.learner.notes),
            started=self.started,
        )

    def _scores(self) -> tuple[Scores, dict[str, list[float]]]:
        """Tuning runs see the validation rows; final runs the development half. Neither opens the confirmation half."""
        validation = self._scorer(self.splits.validation)() if len(self.splits.validation) else None
        if self.spec.phase == "tuning":
            return Scores(validation=validation), {}
        score, shares = score_rows(self.built, self.splits.development, self.spec.metric)
        average = int(self.spec.settings["average"] or 1)
        if average > 1:
            last = [log.development for log in self.built.state.logs[-average:]]
            score = float(np.mean([value for value in last if value is not None]))
        return Scores(validation=validation, development=score), {"development": shares} if shares else {}


def score_rows(built: Built, rows: Tensor, metric: str | None) -> tuple[float, list[float]]:
    """The score on these rows and, for accuracy, each row's share of it (in the rows' order)."""
    found, wanted = outputs(built.network, built.pool, rows, built.task)
    score = built.task.score(found, wanted, metric)
    return score, _shares(built.task, found, wanted, metric)


def _shares(task: Task, found: Tensor, wanted: Tensor, metric: str | None) -> list[float]:
    if (metric or task.metrics[0]) != "accuracy":
        return []
    return (task.predict(found) == wanted).double().tolist()


def _lost(spec: RunSpec) -> Scores:
    if spec.phase == "tuning":
        return Scores(validation=math.nan)
    return Scores(development=math.nan)


def _record(log: EpochLog, main: str) -> EpochRecord:
    measures = dict(log.measures)
    if log.development is not None and not math.isnan(log.development):
        measures["development"] = log.development
    return EpochRecord(
        epoch=log.epoch,
        seconds=log.seconds,
        train_loss=log.losses[main],
        losses=log.losses,
        validation=log.validation,
        learning_rate=log.learning_rate,
        measures=measures,
    )


def save_tensors(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Tensors by name (a trained network's, say) as safetensors, whole or not at all; nothing for none."""
    if not tensors:
        return
    temporary = file.with_suffix(".tmp")
    try:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary)
        os.replace(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(
            message(f"{file} cannot be written: {error}", do="Free some space, and run again")
        ) from error


def rebuild(spec: RunSpec) -> tuple[Built, Splits]:
    """The trained network of a finished final run, from its saved weights."""
    file = Path(spec.folder) / "network.safetensors"
    if not file.exists():
        raise RunError(message(f"The trained network {file} is not there", do="Run `auxin compare` again"))
    dataset = load_data(spec.data)
    splits = split_rows(spec.data, spec.split, spec.seed, spec.refit)
    built = build(dataset, splits, resolve(spec.method), spec.settings, spec.seed, spec.device)
    built.network.load_state_dict(load_file(file))
    built.network.to(torch.device(spec.device))
    return built, splits
