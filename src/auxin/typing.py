"""The few types that every part of auxin shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Params = dict[str, Tensor]
"""Parameters or buffers of a module, by their dotted name."""

Signals = Tensor | Mapping[str, Tensor]
"""What a primary network puts out: one tensor, or one tensor per task."""

MISSING = -1
"""The integer that stands for a missing class label (a missing real-valued label is NaN)."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of a data set on one device.

    Attributes:
        x: Inputs, float, shape [B, ...].
        y: Targets by task; class labels int64 [B] with -1 where missing, real targets float with NaN where missing.
        rows: The rows' numbers in the data set, int64 [B]; -1 for a row that a pretext task made up.
    """

    x: Tensor
    y: dict[str, Tensor]
    rows: Tensor

    def __len__(self) -> int:
        return self.rows.shape[0]

    def split(self, sizes: Sequence[int]) -> "list[Batch]":
        """The rows in consecutive batches of these sizes, which share this one's memory."""
        y = {name: target.split(list(sizes)) for name, target in self.y.items()}
        pairs = zip(self.x.split(list(sizes)), self.rows.split(list(sizes)), strict=True)
        return [
            Batch(x, {name: parts[k] for name, parts in y.items()}, rows) for k, (x, rows) in enumerate(pairs)
        ]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(self.x.to(device), {k: v.to(device) for k, v in self.y.items()}, self.rows.to(device))
