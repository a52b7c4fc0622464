"""Everything that determines one run, as a value that another process can run from."""

from collections.abc import Mapping
from dataclasses import dataclass

from auxin.records.results import Phase, Setting
from auxin.requests.data import DataSpec, SplitSpec
from auxin.store import digest_of


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines one run.

    Attributes:
        data: Which data.
        split: How rows get their roles.
        method: Name of the method.
        attempt: The name of the try.
        phase: "tuning" or "final".
        settings: Every hyperparameter, flat.
        seed: Seed of splits, initial weights and batch order.
        metric: The user's, or None for the main task's default.
        refit: Whether the validation rows train too (final runs, whose settings are already chosen).
        device: "cpu", "cuda" ...
        folder: Where the run's files go.
        keep_weights: Whether the trained network is saved.
        content: The hash of the data's content.
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
    content: str = ""

    @property
    def identity(self) -> dict[str, object]:
        """Everything that the run's numbers depend on, and nothing of where or how fast it runs."""
        return {
            "content": self.content,
            "split": dict(self.split),
            "method": self.method,
            "phase": self.phase,
            "settings": dict(self.settings),
            "seed": self.seed,
            "metric": self.metric,
            "refit": self.refit,
            "options": self.data.options,
        }

    @property
    def digest(self) -> str:
        """The SHA-256 of the identity."""
        return digest_of(self.identity)
