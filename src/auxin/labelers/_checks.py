"""What the labelers refuse, and how they read the main labels."""

import torch
from torch import Tensor

from auxin.catalogue import unknown
from auxin.errors import ConfigError, DataError, RunError
from auxin.labelers.base import LabelerContext
from auxin.math.deferred import holds
from auxin.typing import MISSING, Batch


def main_labels(batch: Batch, main: str) -> Tensor:
    """The main labels of a batch, int64 [B]; all missing where the batch does not carry the main task."""
    return batch.y[main] if main in batch.y else torch.full_like(batch.rows, MISSING)


def check_choice(what: str, value: str, known: list[str]) -> None:
    """Refuse an option that is none of the known ones, offering the nearest."""
    if value not in known:
        raise ConfigError(unknown(what, str(value), known))


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
