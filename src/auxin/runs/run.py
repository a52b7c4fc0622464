"""One run: one method, one setting, one seed; from data to a result file. Runs the same in this process or another."""

import math
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin import strategies
from auxin.data import Dataset, Splits
from auxin.errors import RunError, message
from auxin.methods import inner_name, resolve
from auxin.records.results import DecisionRecord, RunResult, Scores
from auxin.runs.build import PreparedRun, build
from auxin.runs.environment import hardware, versions
from auxin.runs.executors.contract import report
from auxin.runs.gather import PREDICTIONS, leave, predictions_of, row_shares
from auxin.runs.phases import Phases, fitting, record, splits_for
from auxin.runs.predictions import MainPredictions, write_predictions
from auxin.runs.rival import with_rival
from auxin.runs.rows import RunSpec, load_data
from auxin.runs.settings import options
from auxin.store import read_json, read_unit, start_unit, write_json
from auxin.strategies.base import SINGLE, Outcome, Run
from auxin.strategies.base import Phase as JobPhase
from auxin.tensor_files import read_tensors, write_tensors
from auxin.training.evaluate import outputs
from auxin.training.loop import Diverged
from auxin.training.screen import imbalanced

RESULT = "result.json"
"""A finished run's record, in the run's folder."""
LABELS_FILE = "labels.safetensors"
"""The labels that a run's labeler gives to the development rows in the end, to compare runs by."""


def finished(spec: RunSpec) -> RunResult | None:
    """The result of this very run, if it is there already: the one with the same digest."""
    return read_unit(Path(spec.folder) / RESULT, RunResult, spec.digest)


def execute(spec: RunSpec) -> RunResult:
    """Run it, going on from its checkpoint if it was interrupted; a finished run is read back.

    A run whose loss becomes infinite ends with a NaN score and a warning: that, too, is a result.
    """
    done = finished(spec)
    if done is not None:
        return done
    return (_Execution if resolve(spec.method).rival is None else _RivalExecution)(spec).result()


@dataclass(eq=False)
class _Execution:
    """One run while it lasts."""

    spec: RunSpec
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        spec = self.spec
        self.folder = Path(spec.folder)
        self.method = resolve(spec.method)
        self.job = Phases(load_data(spec.data), spec, self.method, inner_name(spec.method))
        self.job.phase_log.on_progress = lambda share: report(spec.folder, share)
        self.found: MainPredictions | None = None
        self.splits = self.job.roles(JobPhase())
        self.strategy = strategies.build(self.method.strategy, options(spec.settings, "strategy"))
        self.begun = time.perf_counter()  # data and splits are read once per process, not once per run

    def result(self) -> RunResult:
        """Train, score, write."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(message(f"The folder {self.folder} cannot be made: {error}")) from error
        start_unit(self.folder, self.spec.digest)
        result = self._run()
        write_json(self.folder / RESULT, result)
        self.job.forget()
        return result

    def _run(self) -> RunResult:
        (self.folder / "epochs.jsonl").unlink(missing_ok=True)
        outcome, warnings = self._train()
        built = self.job.phase_log.last if outcome is None else outcome.run
        assert isinstance(built, PreparedRun)
        result = self._result(built, outcome, warnings)
        if self.spec.keep_weights:
            rows = self.splits.development
            generated = self.job.phase_log.measures[built.phase.name].generated(rows)
            write_tensors(self.folder / "network.safetensors", built.network.state_dict())
            if generated:
                write_tensors(self.folder / LABELS_FILE, generated)
            leave(built, self.job.dataset, self.folder, self.found, rows, generated)
        return result

    def _train(self) -> tuple[Outcome | None, list[str]]:
        """What the strategy ends with (None: training diverged), and what went wrong on the way."""
        try:
            outcome = self.strategy.follow(self.job)
        except Diverged as error:
            return None, [str(error), *_scales(self.job.phase_log.last, self.job.dataset)]
        dropped = sum(self.job.phase_log.dropped.values(), Counter())
        left_out = [
            f"The task {name} was left out {n} times because its loss was not finite."
            for name, n in dropped.items()
        ]
        scales = _scales(outcome.run, self.job.dataset)
        return outcome, [*self.job.phase_log.measures[outcome.run.phase.name].warnings(), *scales, *left_out]

    def _result(self, built: PreparedRun, outcome: Outcome | None, warnings: list[str]) -> RunResult:
        spec, state = self.spec, built.state
        half = "validation" if spec.phase == "tuning" else "development"
        lost = Scores(**{half: math.nan}), {}
        scores, correct = lost if outcome is None else self._scores(built, outcome.curve)
        steps = [log.seconds / log.steps for log in state.logs]
        phases = self.job.phase_log.records
        decision = outcome.decision if outcome is not None else None
        return RunResult(
            method=spec.method,
            attempt=spec.attempt,
            phase=spec.phase,
            settings=dict(spec.settings),
            seed=spec.seed,
            dataset=self.job.dataset.name,
            split_hash=self.splits.hash,
            digest=spec.digest,
            metric=spec.metric or built.task.metrics[0],
            epochs=[record(log, built.task.name, built.phase.name) for log in state.logs],
            steps=sum(phase.steps for phase in phases.values()),
            phases=[p.model_copy(update={"kept": name == built.phase.name}) for name, p in phases.items()],
            decision=DecisionRecord(**vars(decision)) if decision is not None else None,
            scores=scores,
            correct=correct,
            seconds=time.perf_counter() - self.begun,
            seconds_per_step=statistics.median(steps) if steps else None,
            parameters={
                "primary": sum(p.numel() for p in built.network.parameters()),
                "auxiliary": sum(p.numel() for p in state.learner.problem.phi),
            },
            label_measures=self.job.phase_log.measures[built.phase.name].last(),
            versions=versions(),
            hardware=hardware(spec.device),
            warnings=warnings,
            notes=[*(outcome.notes if outcome is not None else ()), *state.learner.notes],
            started=self.started,
        )

    def _scores(self, built: PreparedRun, curve: bool) -> tuple[Scores, dict[str, list[float]]]:
        """Tuning runs see the validation rows; final runs the development half. Neither opens the confirmation half."""
        validation = None
        if len(self.splits.validation):
            validation = score_rows(built, self.splits.validation, self.spec.metric)[0]
        if self.spec.phase == "tuning":
            return Scores(validation=validation), {}
        score, shares, self.found = score_rows(built, self.splits.development, self.spec.metric)
        average = int(self.spec.settings["average"] or 1)
        if average > 1 and curve:
            last = [log.development for log in built.state.logs[-average:]]
            score = float(np.mean([value for value in last if value is not None]))
        return Scores(validation=validation, development=score), {"development": shares} if shares else {}


class _RivalExecution(_Execution):
    """A run of a scikit-learn estimator: no phases, no epochs, no weights to keep."""

    def _run(self) -> RunResult:
        assert self.method.rival is not None
        fresh = self.job.build(JobPhase("run", self.method))
        own = load_data(self.spec.data).domains
        built = with_rival(fresh, self.method.rival, self.splits, self.spec.settings, own)
        result = self._result(built, Outcome(built), [])
        if self.spec.keep_weights and self.found is not None:
            write_predictions(self.folder / PREDICTIONS, self.found)
        return result


def score_rows(
    built: PreparedRun, rows: Tensor, metric: str | None
) -> tuple[float, list[float], MainPredictions | None]:
    """The score on these rows; each row's share of it, in the rows' order, where it is a mean; and the predictions."""
    found, wanted = outputs(built.network, built.pool, rows, built.task)
    metric = metric or built.task.metrics[0]
    score, shares = built.task.score(found, wanted, metric), row_shares(built.task, found, wanted, metric)
    return score, shares, predictions_of(built.task, found, wanted, metric)


def _scales(run: Run | None, dataset: Dataset) -> list[str]:
    """Notes on auxiliary losses that were far larger or smaller than the main one in the first epoch."""
    if run is None or not run.state.logs:
        return []
    losses = run.state.logs[0].losses
    domains = {n: int(dataset.tasks[n].present(dataset.y[n]).sum()) for n in dataset.domains}
    return imbalanced(torch.tensor([*losses.values()]), tuple(losses), domains=domains)


def rebuild(spec: RunSpec) -> tuple[PreparedRun, Splits]:
    """The trained network of a finished final run, from its saved weights, and the run's rows.

    The network is the one that the run's strategy kept: it may have fewer heads than the method has tasks.
    """
    rival = resolve(spec.method).rival
    if rival is not None:  # it is trained again, which takes no longer than reading it back
        splits = splits_for(spec, "run")
        dataset = load_data(spec.data)
        fresh = build(dataset, splits, SINGLE, spec.settings, spec.seed, spec.device)
        return with_rival(fresh, rival, splits, spec.settings, dataset.domains), splits
    file = Path(spec.folder) / "network.safetensors"
    if not file.exists():
        raise RunError(f"The file of the trained network, {file}, is missing", do="Run `auxin compare` again")
    kept = [phase for phase in read_json(Path(spec.folder) / RESULT, RunResult).phases if phase.kept]
    splits = splits_for(spec, kept[0].rows if kept else "run")
    method, weights = resolve(spec.method), read_tensors(file)[0]
    built = build(load_data(spec.data), splits, method, spec.settings, spec.seed, spec.device)
    if built.network.state_dict().keys() != weights.keys():
        settings = fitting(spec.settings, method, SINGLE)
        built = build(load_data(spec.data), splits, SINGLE, settings, spec.seed, spec.device)
    built.network.load_state_dict(weights)
    built.network.to(torch.device(spec.device))
    return built, splits_for(spec, "run")
