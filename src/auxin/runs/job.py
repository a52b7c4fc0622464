"""Everything that determines one run, as a value that another process can run from."""

from collections.abc import Mapping
from dataclasses import dataclass

from auxin.records.results import Phase, Setting
from auxin.runs.rows import DataSpec, SplitSpec


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
