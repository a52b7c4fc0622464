"""The request of `auxin compare`."""

from pathlib import Path
from typing import Any, ClassVar

from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.option import group, option
from auxin.requests.shared import Compute, StudyRequest, TrainingRequest
from auxin.requests.values import Counts, Names, Seconds

LABELS = (
    "Keep K main labels per class, including those of the validation rows. The other rows keep their auxiliary labels. "
    "Default for the digits data set: 10. Pass several values (5,10,20) to plot a learning curve and express the gain "
    "as extra labels."
)
AUX = (
    "Columns of auxiliary tasks, comma-separated. NAME=A|B|C makes one task of several columns. `auto` adds the method "
    "auto, which learns weights of these and of every self-made task."
)


class CompareRequest(StudyRequest):
    """What a user requests of `auxin compare`."""

    panel: ClassVar[str] = "Comparison"

    data: DataSpec = group(DataSpec(name="digits"), help={"aux": AUX})
    methods: Names = option(
        "usual",
        "Methods to compare, comma-separated: names from `auxin ls methods`, or labelers, combiners, pretexts and "
        "strategies. `all`: every method. `usual`: single-task training, scikit-learn's estimators, and methods that "
        "fit the data. With --aux these are equal, softmax and gradient_cosine, and given and maxl where an auxiliary "
        "refines the target. Without --aux they are self-made tasks and maxl. Where rows lack the main label, fixmatch "
        "and fixmatch_spread are added. STRATEGY:METHOD applies a strategy to a method, such as refit:softmax or "
        "guard:refit:softmax; a strategy alone uses its default method. untrained:METHOD keeps the learned part of "
        "METHOD at its initial values.",
        metavar="NAMES",
    )
    labels: Counts = option((), LABELS, "--labels-per-class", "K")
    split: SplitSpec = group(SplitSpec(), without=("labels_per_class", "test"))
    seeds: int | None = option(
        None,
        "Number of seeds of the final runs. Default: 5, or the number that the preset's paper uses.",
        ge=1,
    )
    tries: int | None = option(
        None,
        "Number of settings that each method tries on the validation set. Default: 4, or 1 where the validation set is "
        "too small to distinguish settings.",
        ge=1,
    )
    tuning_seeds: int = option(2, "Number of seeds per setting that is tried.", ge=1)
    twins: bool = option(
        True, "Also run every learned method with its learned part untrained, to measure what learning adds."
    )
    metric: str | None = option(
        None,
        "Metric for selection and for the verdict: accuracy, balanced_accuracy, auc, f1, log_loss, top3, hit, r2, mae, "
        "rmse, miou, kappa, average_precision, or cost=FILE.csv (one row per true class). Default: by the task.",
        metavar="METRIC",
    )
    preset: str = option(
        "auxin",
        "Protocol. `auxin`: tune every method on the validation set. `adamw`: the same with AdamW and gradient "
        "clipping, as in `auxin fit`. `paper`: run each method by its own paper's protocol. `maxl`, `auxilearn`, "
        "`auto_lambda`, `aux_nash`, `meta_weight`: run every method by that paper's protocol.",
    )
    refit: bool = option(
        True, "After the settings are chosen, train the final runs on the validation rows too."
    )
    training: TrainingRequest = group(
        TrainingRequest(),
        help={"settings": "Setting of all methods, such as lr=0.1 or labeler.entropy=0.2. Repeatable."},
    )
    budget: Seconds = option(
        None,
        "Time limit, such as 10min. The comparison is shortened to fit and the changes are listed.",
        metavar="TIME",
        changes_results=False,
    )
    log: str | None = option(
        None,
        "Also log the finished runs to `tensorboard` or `mlflow`. Each needs the extra of that name: pip install "
        "'auxin[mlflow]'.",
        changes_results=False,
    )
    compute: Compute = group(Compute())

    def default_folder(self) -> Path:
        """Return a folder whose name depends on the study's options only, so that the same command resumes."""
        return Path("runs") / f"compare-{self.data.stem}-{self.digest}"

    def at(self, labels_per_class: int | None, **changes: Any) -> "CompareRequest":
        """Return the request at one label budget, with further changes."""
        split = self.split.model_copy(update={"labels_per_class": labels_per_class})
        return self.model_copy(update={"labels": (), "split": split, **changes})
