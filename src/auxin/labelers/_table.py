"""Labels fixed per row number: what the random and the clustered labels share."""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.labelers.base import Labeler, LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import one_hot_or_nan
from auxin.typing import MISSING, Batch


class LabelTable(nn.Module):
    """An auxiliary class per training row, looked up by row number.

    A row that is not in the table (made by a pretext task, or not a training row) is a row of NaN.

    Args:
        rows: Row numbers, int64 [N], without duplicates (negative numbers are ignored).
        labels: Auxiliary classes, int64 [N], -1 for no label.
        classes: Number K of auxiliary classes.

    Raises:
        ConfigError: A row number occurs twice.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, rows: Tensor, labels: Tensor, classes: int) -> None:
        super().__init__()
        keys, order = rows[rows >= 0].sort()
        if bool((keys[1:] == keys[:-1]).any()):
            raise ConfigError("A row number occurs twice among the training rows", expected="each once")
        self.classes = classes
        self.register_buffer("keys", keys.clone())
        self.register_buffer("values", labels[rows >= 0][order].clone())

    def lookup(self, rows: Tensor) -> Tensor:
        """The rows' auxiliary classes, int64 [B]; -1 for a row that has none."""
        if self.keys.numel() == 0:
            return torch.full_like(rows, MISSING)
        at = torch.searchsorted(self.keys, rows).clamp(max=self.keys.shape[0] - 1)
        return torch.where(self.keys[at] == rows, self.values[at], MISSING)

    def forward(self, batch: Batch) -> Tensor:
        """Targets [B, K]: one-hot, or NaN."""
        return one_hot_or_nan(self.lookup(batch.rows), self.classes, batch.x.dtype)


class FixedLabels(Labeler):
    """A labeler whose training rows get their labels once, primary class by primary class, and keep them.

    Args:
        table: The training rows' labels.
        hierarchy: psi.
    """

    def __init__(self, table: LabelTable, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.table, self.hierarchy, self.classes = table, hierarchy, hierarchy.classes

    @classmethod
    def of_classes(cls, context: LabelerContext, divided: Callable[[int, Tensor, int], Tensor]) -> Self:
        """Label the training rows.

        Args:
            context: The training rows.
            divided: Function of a primary class, the positions of its rows, and the number of its auxiliary classes,
                to the rows' numbers below that.
        """
        labels, hierarchy = torch.full(context.rows.shape, MISSING), context.hierarchy
        for primary, (start, size) in enumerate(zip(hierarchy.starts(), hierarchy.sizes, strict=True)):
            rows = (context.y[context.main] == primary).nonzero().squeeze(1).cpu()
            labels[rows] = start + divided(primary, rows, size)
        table = LabelTable(context.rows, labels.to(context.rows.device), hierarchy.classes)
        return cls(table, hierarchy)

    def forward(self, batch: Batch) -> Tensor:
        """The rows' labels, one-hot [B, K]."""
        return self.table(batch)
