"""Curves over epochs from runs: mean and standard error over seeds, at every epoch that was looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxin.records.results import EpochRecord, RunResult

Value = Callable[[EpochRecord], float | None]


@dataclass(frozen=True, eq=False)
class Curve:
    """A quantity over epochs.

    Attributes:
        epochs: [n], where at least one run has a finite value.
        mean: [n], over the runs that have one.
        error: [n], the standard error; zero where there is one run.
    """

    epochs: NDArray[np.float64]
    mean: NDArray[np.float64]
    error: NDArray[np.float64]


def curve(runs: Sequence[RunResult], value: Value) -> Curve | None:
    """The curve of a quantity over these runs, or None where no epoch has it."""
    found: dict[int, list[float]] = {}
    for run in runs:
        for record in run.epochs:
            number = value(record)
            if number is not None and np.isfinite(number):
                found.setdefault(record.epoch, []).append(number)
    if not found:
        return None
    epochs = sorted(found)
    values = [np.array(found[epoch], float) for epoch in epochs]
    error = [float(v.std(ddof=1)) / v.size**0.5 if v.size > 1 else 0.0 for v in values]
    return Curve(np.array(epochs, float), np.array([float(v.mean()) for v in values]), np.array(error))


def measure(name: str) -> Value:
    """A measure by its dotted name."""
    return lambda record: record.measures.get(name)


def names(runs: Sequence[RunResult], prefix: str) -> list[str]:
    """The measures whose name begins so, sorted."""
    found = {name for run in runs for record in run.epochs for name in record.measures}
    return sorted(name for name in found if name.startswith(prefix))
