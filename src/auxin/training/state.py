"""All that must survive a crash, saved whole and atomically: N epochs + kill + N epochs equals 2N bit for bit."""

import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from auxin.errors import DamagedError, RunError
from auxin.tensor_files import read_state, set_aside, write_state
from auxin.training.feed import Feed
from auxin.training.steps import Learner

FORMAT = 1


@dataclass
class EpochLog:
    """What one epoch of training showed.

    Attributes:
        epoch: Number of the epoch, from 1.
        seconds: Seconds of training alone (no evaluation).
        steps: inner steps taken.
        losses: Each task's mean loss over the epoch's steps in which it has a label.
        learning_rate: Learning rate of its last step.
        validation: The metric on the validation set, or None.
        development: The metric on the development half of the test rows, or None where it was not looked at.
        measures: whatever the method's own measures say (label entropies, gradient cosine, task weights).
    """

    epoch: int
    seconds: float
    steps: int
    losses: dict[str, float]
    learning_rate: float
    validation: float | None = None
    development: float | None = None
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class TrainState:
    """A run between two epochs.

    Attributes:
        learner: networks and optimisers.
        feed: Batches, and where their generators stand.
        step: inner steps taken so far.
        logs: One entry per finished epoch.
        best: The best validation score so far with its epoch and weights, where early stopping is on.
    """

    learner: Learner
    feed: Feed
    step: int = 0
    logs: list[EpochLog] = field(default_factory=list)
    best: dict[str, Any] | None = None

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own; None where there is no such part."""
        learner, criterion = self.learner, self.learner.criterion
        return {
            "network": learner.network,
            "labeler": criterion.labeler,
            "consistency": criterion.consistency,
            "combiner": criterion.combiner,
            "optimizer": learner.optimizer,
            "meta_optimizer": learner.meta_optimizer,
        }

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and strings only."""
        return {
            "format": FORMAT,
            **{name: None if part is None else part.state_dict() for name, part in self._parts().items()},
            "notes": self.learner.notes,
            "feed": self.feed.state_dict(),
            "step": self.step,
            "logs": [asdict(log) for log in self.logs],
            "best": self.best,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        for name, part in self._parts().items():
            if part is not None:
                part.load_state_dict(state[name])
        self.learner.notes[:] = state["notes"]
        self.feed.load_state_dict(state["feed"])
        self.step, self.best = state["step"], state["best"]
        self.logs = [EpochLog(**log) for log in state["logs"]]
        torch.set_rng_state(state["rng"].cpu())
        if torch.cuda.is_available() and state["cuda_rng"]:
            torch.cuda.set_rng_state_all([s.cpu() for s in state["cuda_rng"]])


def save(state: TrainState, file: Path) -> None:
    """Write a checkpoint so that a crash at any moment leaves the former one or the new one whole."""
    write_state(file, state.state_dict())


def load(state: TrainState, file: Path) -> bool:
    """Resume from the checkpoint if there is one; tells whether there was.

    A damaged checkpoint is renamed to NAME.damaged, a note says so, and training starts from the beginning.
    """
    if not file.exists():
        return False
    saved = read(file)
    if saved is None:
        state.learner.notes.append(f"{file.name} was damaged and set aside; training started again.")
        return False
    if saved.get("format") != FORMAT:
        raise RunError(
            f"The checkpoint {file} is of another version of auxin",
            expected=f"format {FORMAT}",
            found=f"format {saved.get('format')}",
            do="Delete that file to start this run afresh",
        )
    try:
        state.load_state_dict(saved)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"The checkpoint {file} belongs to another run: {error}",
            do="Delete that file to start this run afresh",
        ) from error
    return True


def write(value: dict[str, Any], file: Path) -> None:
    """Write tensors, numbers and strings, whole or not at all.

    Raises:
        RunError: The disk is full, or the folder cannot be written to.
    """
    write_state(file, value)


def read(file: Path) -> dict[str, Any] | None:
    """What `write` wrote; None where the file was damaged, after it was renamed and a warning said so."""
    try:
        return read_state(file)
    except DamagedError as error:
        aside = set_aside(file)
        warnings.warn(f"{error} It was renamed to {aside.name}, and this run starts again.", stacklevel=2)
        return None
