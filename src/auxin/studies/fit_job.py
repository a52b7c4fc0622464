"""The job of a strategy in `auxin fit`: it trains phases with and without the validation rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from auxin.data import Splits
from auxin.errors import RunError
from auxin.methods.base import Method, Setting
from auxin.runs.build import PreparedRun
from auxin.runs.phases import PhaseJob
from auxin.strategies.base import SINGLE, Phase, Run
from auxin.training.loop import Diverged, EpochCallbacks

RETRIES = 2
"""A phase that diverges is trained again this often, each time at a third of the rate."""


@dataclass(frozen=True)
class EpochProgress:
    """The progress of a phase, reported after every epoch.

    Attributes:
        phase: Name of the phase.
        epoch, epochs: Number of finished epochs, and their planned number.
        losses: Mean loss of each task over the epoch, by task.
        validation: Score on the validation rows, or None without them.
    """

    phase: str
    epoch: int
    epochs: int
    losses: dict[str, float]
    validation: float | None


@dataclass(eq=False)
class FitJob(PhaseJob):
    """Phases on one data set's rows, each trained to its last epoch.

    With `patience`, validation rows choose the epoch, and so they never train.

    Attributes:
        splits: Roles of the rows.
        method: Method that the strategy is applied to.
        name: Name of the method.
        settings: Every hyperparameter of the method, flat.
        seed: Seed of the initial weights and the batches.
        alone: The hyperparameters of single-task training, where the strategy asks for it; the method's otherwise.
        notify: Function that is called after every epoch.
        notes: Sentences about the decisions.
    """

    splits: Splits
    method: Method
    name: str
    settings: Mapping[str, Setting]
    seed: int
    alone: Mapping[str, Setting] | None = None
    notify: Callable[[EpochProgress], None] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def refit(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the rows that train include the validation rows."""
        return not self.hold and self.settings["patience"] is None and len(self.splits.validation) > 0

    def fresh(self, phase: Phase) -> Run:
        """Build a phase and train it to its end; one that diverges is trained again at a third of its rate."""
        for _ in range(RETRIES):
            run = self.build(phase)
            try:
                self.train(run)
                return run
            except Diverged as error:
                own = {**self._own(phase), **phase.settings}["lr"]
                assert isinstance(own, float)
                rate = float(f"{own / 3:.3g}")
                self.notes.append(f"{str(error).splitlines()[0]} It was retrained with lr={rate:g}.")
                phase = replace(phase, settings={**phase.settings, "lr": rate})
                file = self._file(run.phase.name)
                if file is not None:
                    file.unlink(missing_ok=True)
        return super().fresh(phase)

    def build(self, phase: Phase) -> PreparedRun:
        """Fresh networks, optimisers and batches."""
        return self._built(phase, self._own(phase), self.seed)

    def roles(self, phase: Phase) -> Splits:
        """The rows' roles in a phase."""
        splits = self.splits.with_validation_in_train() if self.refit else self.splits
        return splits.with_auxiliary_in_train() if phase.rows == "all" and len(splits.auxiliary) else splits

    def _own(self, phase: Phase) -> Mapping[str, Setting]:
        return self.alone if phase.method == SINGLE and self.alone is not None else self.settings

    def _watch(self, run: PreparedRun, file: Path | None) -> EpochCallbacks:
        held = len(self.roles(run.phase).validation)
        return EpochCallbacks(
            validation=(lambda: self.score(run)) if held else None,
            on_epoch=lambda _: self._report(run),
            checkpoint=file,
        )

    def count(self, run: Run) -> None:
        """Do nothing: `auxin fit` does not record phases."""

    def _report(self, run: PreparedRun) -> None:
        if self.notify is not None:
            log = run.state.logs[-1]
            self.notify(EpochProgress(run.phase.name, log.epoch, run.plan.epochs, log.losses, log.validation))

    def score(self, run: Run) -> float:
        """The user's metric on the validation rows, where these did not train."""
        assert isinstance(run, PreparedRun)
        if self.refit:
            raise RunError("This network was trained on the validation rows", do="Score it with hold=True")
        return self.score_on(run, self.splits.validation)

    def score_on(self, run: PreparedRun, rows: Tensor) -> float:
        """The user's metric on rows that did not train."""
        if not len(rows):
            wrong = "There are no validation rows to select on"
            raise RunError(wrong, do="Hold out some rows with validation=0.2, or turn the guard off")
        return super().score_on(run, rows)
