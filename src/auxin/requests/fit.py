"""The request of `auxin fit`."""

from pathlib import Path
from typing import ClassVar

from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.option import group, option
from auxin.requests.shared import Compute, StudyRequest, TrainingRequest
from auxin.requests.values import Seconds


class FitRequest(StudyRequest):
    """What a user requests of `auxin fit`."""

    panel: ClassVar[str] = "Model"

    data: DataSpec = group(without=("domain",))
    method: str = option(
        "best",
        "`best` selects among estimators, networks and blends by cross-validation. Or the name of one method "
        "(`auxin ls methods`).",
    )
    guard: bool = option(
        True, "Fall back to single-task training if the method is not better on the validation set."
    )
    split: SplitSpec = group(
        SplitSpec(test=0.0),
        without=("fraction", "auxiliary"),
        help={
            "labels_per_class": "Keep K main labels per class, including those of the validation rows. The other rows "
            "train only auxiliary tasks.",
            "validation": "Size of the validation set of a named method: a fraction of the labelled rows, or a number "
            "of rows. After the selection, the network is retrained on all labelled rows.",
        },
    )
    metric: str | None = option(None, "Metric for selection. Default: by the task.", metavar="METRIC")
    tries: int = option(2, "Number of settings that each method tries on the validation set.", ge=1)
    draws: int = option(3, "Number of validation sets that each setting is averaged over.", ge=1)
    max_rows: int = option(
        20_000,
        "Maximum number of training rows with a main label that the search uses, and as many without one. If there "
        "are more, a random part is used, which limits time and memory.",
        ge=10,
    )
    seed: int = option(0, "Seed of the splits, the initial weights and the batches.")
    training: TrainingRequest = group(
        TrainingRequest(), help={"settings": "Setting of the method, such as lr=0.1. Repeatable."}
    )
    budget: Seconds = option(
        "5min", "Time limit, such as 90s or 1h. `none`: no limit.", metavar="TIME", changes_results=False
    )
    compute: Compute = group(Compute())

    def default_folder(self) -> Path:
        """Return the model's folder, named after the data."""
        return Path("models") / (self.data.stem or "model")
