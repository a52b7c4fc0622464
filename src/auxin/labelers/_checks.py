"""What the labelers refuse, and how they read the main labels and the given auxiliary ones."""

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError, RunError
from auxin.labelers.base import LabelerContext
from auxin.math.deferred import holds
from auxin.math.hierarchy import Hierarchy
from auxin.typing import MISSING, Batch


def main_labels(batch: Batch, main: str) -> Tensor:
    """The main labels of a batch, int64 [B]; all missing where the batch does not carry the main task."""
    return batch.y[main] if main in batch.y else torch.full_like(batch.rows, MISSING)


def check_main(context: LabelerContext) -> None:
    """Refuse main labels that the hierarchy does not know."""
    main = context.y[context.main]
    if main.numel() and int(main.max()) >= context.hierarchy.primary:
        raise DataError(
            "The hierarchy psi does not fit the main task",
            expected=f"main labels below {context.hierarchy.primary}",
            found=f"the label {int(main.max())}",
        )


def check_finite(logits: Tensor) -> None:
    """Refuse logits that are not finite: a NaN target would pass for a missing label."""
    if not holds(logits.detach().isfinite(), "the generated labels are finite"):
        raise RunError(
            "The label generator diverged: a logit is not finite",
            do="Lower the meta learning rate, or check the inputs for NaN",
        )


def given_labels(context: LabelerContext, labeler: str) -> tuple[str, Tensor]:
    """The name and the training labels, int64 [N], of the given auxiliary task.

    Raises:
        ConfigError: No auxiliary task is named, or the data have none of that name.
        DataError: It is not a task of class numbers, or no row carries a label.
    """
    name = context.aux
    if name is None or name not in context.y:
        others = ", ".join(sorted(set(context.y) - {context.main})) or "none in these data"
        raise ConfigError(
            f"The labeler {labeler!r} needs a given auxiliary task",
            expected=f"one of: {others}",
            found=repr(name),
            do="Name a task whose labels are class numbers",
        )
    labels = context.y[name]
    if labels.is_floating_point() or labels.ndim != 1 or not bool((labels >= 0).any()):
        raise DataError(
            f"The auxiliary task {name!r} cannot serve as labels",
            expected="class numbers, one per row, at least one of them present",
            found=f"{labels.dtype} of shape {tuple(labels.shape)}",
        )
    return name, labels


def ownership(main: Tensor, aux: Tensor, primary: int, classes: int) -> Tensor:
    """Which auxiliary classes occur with which primary class, bool [P, K], from the rows that carry both
    labels.

    >>> ownership(torch.tensor([0, 1, -1]), torch.tensor([2, 0, 1]), 2, 3).int().tolist()
    [[0, 0, 1], [1, 0, 0]]
    """
    both = (main >= 0) & (aux >= 0)
    owns = torch.zeros(primary, classes, dtype=torch.bool, device=main.device)
    owns[main[both], aux[both]] = True
    return owns


def hierarchy_of(owns: Tensor) -> Hierarchy:
    """psi as found in the data: how many auxiliary classes each primary class owns (1: none was seen)."""
    return Hierarchy(tuple(owns.sum(dim=1).clamp_min(1).tolist()))
