"""The job that a strategy is given when one network is to be kept: phases in memory, each at its best epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auxin.data import Dataset, Splits, epoch_batches
from auxin.errors import RunError, message
from auxin.methods._base import Method, Setting
from auxin.runs.build import Built, build, epochs_of
from auxin.runs.phases import begin_with
from auxin.strategies._base import SINGLE, Job, Phase, Run
from auxin.training import state as checkpoints
from auxin.training.evaluate import outputs, score
from auxin.training.loop import Watch, fit

TIE = 1e-7
"""Of two epochs with the same score, the one with the lower loss is better: by this much at most."""


@dataclass(frozen=True)
class Told:
    """How far a phase is: told after every epoch.

    Attributes:
        phase: its name.
        epoch, epochs: how many are done, of how many.
        losses: each task's mean loss over the epoch.
        validation: the score on the validation rows, or None without them.
    """

    phase: str
    epoch: int
    epochs: int
    losses: dict[str, float]
    validation: float | None


@dataclass(eq=False)
class FitJob(Job):
    """Phases on one data set's rows, kept at the epoch that scores best on the validation rows (ties: at lower loss).

    Attributes:
        dataset: the data.
        splits: the rows' roles; validation rows never train.
        method: what the strategy is applied to.
        name: the method's name.
        settings: every hyperparameter of the method, flat.
        seed: of initial weights and batches.
        alone: the hyperparameters of single-task training, where the strategy asks for it; the method's otherwise.
        metric: the user's, or None for the main task's default.
        device: where it runs.
        folder: for checkpoints, or None to keep none.
        tell: told after every epoch.
    """

    dataset: Dataset
    splits: Splits
    method: Method
    name: str
    settings: Mapping[str, Setting]
    seed: int
    alone: Mapping[str, Setting] | None = None
    metric: str | None = None
    device: str = "cpu"
    folder: Path | None = None
    tell: Callable[[Told], None] | None = None
    prefix: str = ""
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    refit: bool = False

    def build(self, phase: Phase) -> Built:
        """Fresh networks, optimisers and batches."""
        own = self.alone if phase.method == SINGLE and self.alone is not None else self.settings
        settings = {**own, **phase.settings}
        built = build(
            self.dataset,
            self.roles(phase),
            phase.method,
            settings,
            self.seed,
            self.device,
            taught=phase.taught,
        )
        built = replace(built, phase=replace(phase, name=self._full(phase.name)))
        if phase.weights is not None:
            begin_with(built, phase.weights)
        return built

    def roles(self, phase: Phase) -> Splits:
        """The rows' roles in a phase."""
        every = phase.rows == "all" and len(self.splits.auxiliary)
        return self.splits.with_auxiliary_in_train() if every else self.splits

    def train(self, run: Run, *, until: int | None = None, part: str = "") -> None:
        """Train to the end, then go back to the best epoch; or until so many epochs are finished."""
        assert isinstance(run, Built)
        plan = run.plan
        held = len(self.splits.validation) > 0
        if until is not None:
            plan = replace(plan, epochs=until, patience=None)
        elif held and plan.patience is None:
            plan = replace(plan, patience=plan.epochs)
        file = self._file(run.phase.name + (f"-{part}" if part else ""))
        watch = Watch(
            validation=(lambda: self._ranked(run)) if held else None,
            on_epoch=lambda _: self._told(run),
            checkpoint=file,
        )
        fit(run.state, plan, watch)
        if file is not None:
            checkpoints.save(run.state, file)

    def count(self, run: Run) -> None:
        """No books are kept."""

    def _ranked(self, run: Built) -> float:
        """The score on the validation rows, a hair lower the greater the loss."""
        found, wanted = outputs(run.network, run.pool, self.splits.validation, run.task)
        loss = float(run.task.loss(found, wanted).mean())
        return run.task.score(found, wanted, self.metric) - TIE * (loss / (1 + loss) if loss < 1e6 else 1.0)

    def _told(self, run: Built) -> None:
        if self.tell is not None:
            log = run.state.logs[-1]
            self.tell(Told(run.phase.name, log.epoch, run.plan.epochs, log.losses, log.validation))

    def score(self, run: Run) -> float:
        """The user's metric on the validation rows."""
        assert isinstance(run, Built)
        return self.score_on(run, self.splits.validation)

    def score_on(self, run: Built, rows: Tensor) -> float:
        """The user's metric on rows that did not train."""
        if not len(rows):
            wrong = "There are no validation rows to choose by"
            raise RunError(message(wrong, do="Hold some out with validation=0.2, or do without the guard"))
        return score(run.network, run.pool, rows, run.task, self.metric)

    def epochs(self) -> int:
        """How many epochs a phase of the job's own settings has."""
        batch = self.settings["batch"]
        assert isinstance(batch, int)
        batches = epoch_batches(self.splits.train, batch, torch.Generator().manual_seed(0))
        return epochs_of(self.settings, len(batches))

    def within(self, name: str, *, hold: bool = False) -> "FitJob":
        """The same job for phases whose names begin with `name`."""
        del hold  # validation rows are held out anyway
        return replace(self, prefix=self._full(name))

    def keep(self, name: str, value: Mapping[str, Any]) -> None:
        """Keep it in memory, and for after a crash where there is a folder."""
        file = self._file(self._full(name))
        self.saved[self._full(name)] = dict(value)
        if file is not None:
            checkpoints.write(dict(value), file)

    def kept(self, name: str) -> dict[str, Any] | None:
        """What `keep` kept."""
        file = self._file(self._full(name))
        if file is not None and file.exists():
            return checkpoints.read(file)
        return self.saved.get(self._full(name))

    def forget(self) -> None:
        """Remove the checkpoints."""
        for file in self.folder.glob("checkpoint-*.pt") if self.folder is not None else ():
            file.unlink(missing_ok=True)

    def _full(self, name: str) -> str:
        if not self.prefix:
            return name
        return self.prefix if name == "run" else f"{self.prefix}-{name}"

    def _file(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / f"checkpoint-{name}.pt"
