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
from auxin.runs.measures import Measures
from auxin.runs.rows import RunSpec, split_rows
from auxin.store import append_line
from auxin.strategies.base import Job, Phase, Run
from auxin.training import state as checkpoints
from auxin.training.evaluate import score
from auxin.training.loop import EpochCallbacks, fit
from auxin.training.state import EpochLog

RowsHeld = Literal["run", "held", "all", "all held"]
ONLY = "checkpoint.pt"
"""The checkpoint of a run that has a single phase."""


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
        metric: The user's, or None for the main task's default.
        device: Device of the phases.
        folder: Folder of the checkpoints, or None to keep none.
        saved: Values that `keep` saved, where there is no folder.
    """

    dataset: Dataset
    prefix: str = field(default="", kw_only=True)
    hold: bool = field(default=False, kw_only=True)
    metric: str | None = field(default=None, kw_only=True)
    device: str = field(default="cpu", kw_only=True)
    folder: Path | None = field(default=None, kw_only=True)
    saved: dict[str, dict[str, Any]] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def roles(self, phase: Phase) -> Splits:
        """The rows' roles in a phase."""

    @abstractmethod
    def _watch(self, run: PreparedRun, file: Path | None) -> EpochCallbacks:
        """What is called while a phase trains, and its checkpoint."""

    def train(self, run: Run, *, until: int | None = None, part: str = "") -> None:
        """Train, going on from the phase's checkpoint; a part or a phase that others follow is saved at its end."""
        assert isinstance(run, PreparedRun)
        plan = run.plan if until is None else replace(run.plan, epochs=until, patience=None)
        file = self._file(run.phase.name + (f"-{part}" if part else ""))
        fit(run.state, plan, self._watch(run, file))
        if file is not None and file.name != ONLY:
            checkpoints.save(run.state, file)

    def score_on(self, run: PreparedRun, rows: Tensor) -> float:
        """The user's metric on rows that did not train."""
        return score(run.network, run.pool, rows, run.task, self.metric)

    def keep(self, name: str, value: Mapping[str, Any]) -> None:
        """Save for after a crash; in memory where there is no folder."""
        if (file := self._file(self._full(name))) is None:
            self.saved[self._full(name)] = dict(value)
        else:
            checkpoints.write(dict(value), file)

    def kept(self, name: str) -> dict[str, Any] | None:
        """What `keep` saved."""
        if (file := self._file(self._full(name))) is None:
            return self.saved.get(self._full(name))
        return checkpoints.read(file) if file.exists() else None

    def forget(self) -> None:
        """Remove the checkpoints: the phases are finished."""
        for file in self.folder.glob("checkpoint*.pt") if self.folder is not None else ():
            file.unlink(missing_ok=True)

    def _file(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / f"checkpoint-{name}.pt"

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

    def _built(self, phase: Phase, settings: Mapping[str, Setting], seed: int) -> PreparedRun:
        """A phase under its full name, with its own settings above these."""
        settings, rows = {**settings, **phase.settings}, self.roles(phase)
        built = build(self.dataset, rows, phase.method, settings, seed, self.device, taught=phase.taught)
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

    def __post_init__(self) -> None:
        self.metric, self.device, self.folder = self.spec.metric, self.spec.device, Path(self.spec.folder)

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
        built = self._built(phase, settings, self.spec.seed)
        self.phase_log.measures[built.phase.name] = Measures(built, self.roles(phase), self.looks)
        self.phase_log.last = built
        return built

    def train(self, run: Run, *, until: int | None = None, part: str = "") -> None:
        """Train, and record; the checkpoint of the former part is removed."""
        assert isinstance(run, PreparedRun)
        assert self.folder is not None
        self.phase_log.last = run
        for former in self.folder.glob(f"checkpoint-{run.phase.name}-*.pt") if part else ():
            if former != self._file(f"{run.phase.name}-{part}"):
                former.unlink()
        try:
            super().train(run, until=until, part=part)
        finally:
            self.count(run)
            self.phase_log.dropped[run.phase.name] = run.state.learner.criterion.dropped

    def score(self, run: Run) -> float:
        """The user's metric on the validation rows."""
        assert isinstance(run, PreparedRun)
        rows = splits_for(self.spec, "held").validation
        if self.refit or not len(rows):
            wrong = "There are no validation rows that this network did not train on"
            raise RunError(wrong, do="Hold out some rows with --validation 0.2")
        return self.score_on(run, rows)

    def _file(self, name: str) -> Path | None:
        return super()._file(name) if name != "run" or self.folder is None else self.folder / ONLY

    def _watch(self, run: PreparedRun, file: Path | None) -> EpochCallbacks:
        splits = self.roles(run.phase)
        held = len(splits.validation) > 0
        return EpochCallbacks(
            validation=(lambda: self.score_on(run, splits.validation)) if held else None,
            development=self._curve(run, splits.development),
            measures=self.phase_log.measures[run.phase.name].epoch,
            on_epoch=lambda _: self._report_epoch(run),
            checkpoint=file,
        )

    def _curve(self, built: PreparedRun, rows: Tensor) -> Callable[[], float] | None:
        """The development score at some epochs of a final run; NaN stands for an epoch that was not looked at."""
        if self.spec.phase == "tuning":
            return None
        total, average = built.plan.epochs, int(self.settings["average"] or 1)
        every = max(1, total // self.looks)

        def curve() -> float:
            epoch = len(built.state.logs) + 1
            due = epoch % every == 0 or epoch > total - average
            return self.score_on(built, rows) if due else math.nan

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
        assert self.folder is not None
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
