"""The request of `auxin probe`."""

from pathlib import Path
from typing import ClassVar, Literal

from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.option import Group, group, option
from auxin.requests.shared import Compute, StudyRequest, TrainingRequest
from auxin.requests.values import Names


class ProbeSettings(Group):
    """How candidates are scored."""

    panel: ClassVar[str] = "Score"

    damping: float = option(
        0.01, "Damping lambda, as a fraction of the largest eigenvalue of the curvature.", gt=0
    )
    over: Literal["shared", "network"] = option(
        "shared", "Weights of the curvature. `shared`: the trunk. `network`: the trunk and the main head."
    )
    curvature: Literal["gauss_newton", "hessian"] = option(
        "gauss_newton", "Curvature matrix: `gauss_newton` or `hessian`."
    )
    steps: int = option(30, "Maximum number of conjugate-gradient steps.", "--solver-steps", ge=1)
    rows: int = option(1024, "Maximum number of rows per candidate.", ge=2)
    batches: int = option(8, "Number of batches for the confidence intervals.", ge=2)


class ProbeRequest(StudyRequest):
    """What a user requests of `auxin probe`. The loss L_A is taken on the validation rows."""

    panel: ClassVar[str] = "Probe"

    data: DataSpec = group(
        DataSpec(name="digits"),
        without=("domain",),
        help={"aux": "Columns of candidate auxiliary tasks, comma-separated."},
    )
    pretexts: Names = option(
        "all",
        "Self-supervised candidates (`auxin ls pretexts`), comma-separated. `all`: all that fit the inputs. `none`: "
        "no self-supervised candidate.",
        metavar="NAMES",
    )
    split: SplitSpec = group(
        SplitSpec(validation=0.5),
        without=("auxiliary", "test"),
        help={
            "labels_per_class": "Keep K main labels per class, including those of the held-out rows. Default for the "
            "digits data set: 10.",
            "validation": "Size of the held-out set (the loss L_A): a fraction of the labelled training rows, or a "
            "number of rows. More rows give narrower intervals.",
        },
    )
    seeds: int = option(3, "Number of networks trained on the main task.", ge=1)
    how: ProbeSettings = group(ProbeSettings())
    training: TrainingRequest = group(
        TrainingRequest(), help={"settings": "Setting of the training, such as steps=300. Repeatable."}
    )
    compute: Compute = group(Compute())

    def default_folder(self) -> Path:
        """Return a folder whose name depends on the study's options only, so that the same command resumes."""
        return Path("runs") / f"probe-{self.data.stem}-{self.digest}"
