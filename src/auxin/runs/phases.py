"""The job that a strategy is given: phases built from a run's data, settings and seed, trained with checkpoints."""

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from torch import Tensor

from auxin.data import Dataset, Splits
from auxin.errors import ConfigError, RunError
from auxin.methods.base import Method, Setting
from auxin.records.results import EpochRecord, PhaseRecord
from auxin.runs.build import PreparedRun, build, epochs_of, rows_for
from auxin.runs.job import RunSpec
from auxin.runs.measures import Measures
from auxin.runs.rows import split_rows
from auxin.store import append_line
from auxin.strategies.base import Job, Phase, Run
from auxin.training import state as checkpoints
from auxin.training.evaluate import score
from auxin.training.loop import EpochCallbacks, fit
from auxin.training.state import EpochLog

RowsHeld = Literal["run", "held", "all", "all held"]


@dataclass(eq=False)
class PhaseLog:
    """The log of all phases of a run.

    Attributes:
        records: Record of each phase, by phase.
        measures: Measures of the learning signal, by phase.
        written: Number of epochs of each phase that `epochs.jsonl` holds.
        dropped: Number of times that each task was left out because its loss was not finite, by phase.
        last: The phase that was built last.
        on_progress: Callback that receives, after every epoch, the finished fraction of the current phase.
    """

    records: dict[str, PhaseRecord] = field(default_factory=dict)
    measures: dict[str, Measures] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    last: PreparedRun | None = None
    on_progress: Callable[[float], None] | None = None


@dataclass(eq=False)
class PhaseJob(Job):
    """A job of phases on one data set, in a comparison or a fit.

    Attributes:
        dataset: Data.
        prefix: Beginning of the phases' names.
        hold: Whether validation rows are held out of training.
    """

    dataset: Dataset
    prefix: str = field(default="", kw_only=True)
    hold: bool = field(default=False, kw_only=True)

    @abstractmethod
    def roles(self, phase: Phase) -> Splits:
        """The rows' roles in a phase."""

    def epochs(self) -> int:
        """How many epochs a phase of the job's own settings has."""
        return epochs_of(self.settings, rows_for(self.method, self.settings, self.roles(Phase())).train)

    def within(self, name: str, *, hold: bool = False) -> Self:
        """The same job for phases whose names begin with `name`; with `hold`, validation rows do not train."""
        return replace(self, prefix=self._full(name), hold=self.hold or hold)

    def _full(self, name: str) -> str:
        if not self.prefix:
            return name
        return self.prefix if name == "run" else f"{self.prefix}-{name}"

    def _built(self, phase: Phase, settings: Mapping[str, Setting], seed: int, device: str) -> PreparedRun:
        """A phase under its full name, with its own settings above these."""
        settings, rows = {**settings, **phase.settings}, self.roles(phase)
        built = build(self.dataset, rows, phase.method, settings, seed, device, taught=phase.taught)
        built = replace(built, phase=replace(phase, name=self._full(phase.name)))
        if phase.weights is not None:
            begin_with(built, phase.weights)
        return built


@dataclass(eq=False)
class Phases(PhaseJob):
    """The phases of one run.

    Attributes:
        spec: The run.
        method: Method that the strategy is applied to.
        name: Name of the method.
        phase_log: What was trained so far.
    """

    spec: RunSpec
    method: Method
    name: str
    phase_log: PhaseLog = field(default_factory=PhaseLog)

    @property
    def settings(self) -> Mapping[str, Setting]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Every hyperparameter of the run, flat."""
        return self.spec.settings

    @property
    def refit(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the rows that train include the validation rows."""
        return self.spec.refit and not self.hold

    @property
    def looks(self) -> int:
        """How often a run's learning curve on the development rows is measured, about."""
        return max(1, int(self.settings["looks"] or 1))

    def roles(self, phase: Phase) -> Splits:
        """The rows' roles in a phase."""
        return splits_for(self.spec, self._rows(phase.rows))

    def _rows(self, rows: str) -> RowsHeld:
        held = f"{rows} held" if rows == "all" else "held"
        found = held if self.spec.refit and self.hold else rows
        assert found in get_args(RowsHeld)
        return found  # type: ignore[return-value]

    def build(self, phase: Phase) -> PreparedRun:
        """Fresh networks, optimisers and batches."""
        settings = fitting(self.settings, self.method, phase.method)
        built = self._built(phase, settings, self.spec.seed, self.spec.device)
        self.phase_log.measures[built.phase.name] = Measures(built, self.roles(phase), self.looks)
        self.phase_log.last = built
        return built

    def train(self, run: Run, *, until: int | None = None, part: str = "") -> None:
        """Train, going on from the phase's checkpoint; a part or a phase that others follow is saved at its end."""
        assert isinstance(run, PreparedRun)
        self.phase_log.last = run
        plan = run.plan if until is None else replace(run.plan, epochs=until, patience=None)
        file = self._file(run.phase.name + (f"-{part}" if part else ""))
        for former in self.folder.glob(f"checkpoint-{run.phase.name}-*.pt") if part else ():
            if former != file:
                former.unlink()
        try:
            fit(run.state, plan, self._watch(run, file))
        finally:
            self.count(run)
            self.phase_log.dropped[run.phase.name] = run.state.learner.criterion.dropped
        if file.name != "checkpoint.pt":
            checkpoints.save(run.state, file)

    def score(self, run: Run) -> float:
        """The user's metric on the validation rows."""
        assert isinstance(run, PreparedRun)
        rows = splits_for(self.spec, "held").validation
        if self.refit or not len(rows):
            wrong = "There are no validation rows that this network did not train on"
            raise RunError(wrong, do="Hold out some rows with --validation 0.2")
        return score(run.network, run.pool, rows, run.task, self.spec.metric)

    def keep(self, name: str, value: Mapping[str, Any]) -> None:
        """Save for after a crash."""
        checkpoints.write(dict(value), self._file(self._full(name)))

    def kept(self, name: str) -> dict[str, Any] | None:
        """What `keep` saved."""
        file = self._file(self._full(name))
        return checkpoints.read(file) if file.exists() else None

    def forget(self) -> None:
        """Remove the checkpoints: the run is finished."""
        for file in self.folder.glob("checkpoint*.pt"):
            file.unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.spec.folder)

    def _file(self, name: str) -> Path:
        return self.folder / ("checkpoint.pt" if name == "run" else f"checkpoint-{name}.pt")

    def _watch(self, built: PreparedRun, file: Path) -> EpochCallbacks:
        splits = self.roles(built.phase)
        return EpochCallbacks(
            validation=self._scorer(built, splits.validation) if len(splits.validation) else None,
            development=self._curve(built, splits.development),
            measures=self.phase_log.measures[built.phase.name].epoch,
            on_epoch=lambda _: self._report_epoch(built),
            checkpoint=file,
        )

    def _scorer(self, built: PreparedRun, rows: Tensor) -> Callable[[], float]:
        return lambda: score(built.network, built.pool, rows, built.task, self.spec.metric)

    def _curve(self, built: PreparedRun, rows: Tensor) -> Callable[[], float] | None:
        """The development score at some epochs of a final run; NaN stands for an epoch that was not looked at."""
        if self.spec.phase == "tuning":
            return None
        total, average = built.plan.epochs, int(self.settings["average"] or 1)
        look, every = self._scorer(built, rows), max(1, total // self.looks)

        def curve() -> float:
            epoch = len(built.state.logs) + 1
            due = epoch % every == 0 or epoch > total - average
            return look() if due else math.nan

        return curve

    def count(self, run: Run) -> None:
        """Enter a run's epochs and steps in the books."""
        assert isinstance(run, PreparedRun)
        name, state = run.phase.name, run.state
        self.phase_log.records[name] = PhaseRecord(
            name=name, rows=self._rows(run.phase.rows), steps=state.step, epochs=len(state.logs)
        )
        self._write_new(run)

    def _report_epoch(self, built: PreparedRun) -> None:
        self._write_new(built)
        if self.phase_log.on_progress is not None:
            self.phase_log.on_progress(len(built.state.logs) / built.plan.epochs)

    def _write_new(self, built: PreparedRun) -> None:
        """Write the epochs that are not in the file yet; after a resume, those before it too."""
        name, logs = built.phase.name, built.state.logs
        for log in logs[self.phase_log.written.get(name, 0) :]:
            append_line(self.folder / "epochs.jsonl", record(log, built.task.name, name))
        self.phase_log.written[name] = len(logs)


def splits_for(spec: RunSpec, rows: RowsHeld) -> Splits:
    """The rows' roles of a run or of one of its phases."""
    splits = split_rows(spec.data, spec.split, spec.seed, spec.refit and "held" not in rows)
    return splits.with_auxiliary_in_train() if "all" in rows and len(splits.auxiliary) else splits


def fitting(settings: Mapping[str, Setting], own: Method, other: Method) -> dict[str, Setting]:
    """A method's settings for another method: without its combiner's options, where the other has another combiner."""
    if own.combiner == other.combiner:
        return dict(settings)
    return {name: value for name, value in settings.items() if not name.startswith("combiner.")}


def record(log: EpochLog, main: str, phase: str = "run") -> EpochRecord:
    """An epoch's log as it is written."""
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
        phase=phase,
    )


def begin_with(built: PreparedRun, weights: Mapping[str, Tensor]) -> None:
    """Start from these weights, as far as the network has parameters of their names and shapes."""
    own = built.network.state_dict()
    taken = {n: v for n, v in weights.items() if n in own and own[n].shape == v.shape}
    if not taken:
        wrong = f"None of the initial weights of phase {built.phase.name} fits its network"
        raise ConfigError(wrong, expected=", ".join(list(own)[:3]) + " ...")
    built.network.load_state_dict({**own, **taken})
