"""Batches of rows: shuffled epochs, and an endless stream that can stop and go on exactly."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError, RunError


def epoch_batches(
    rows: Tensor, size: int, generator: torch.Generator, drop_last: bool = False
) -> list[Tensor]:
    """One epoch: the rows in a random order, cut into batches.

    A last batch of a single row, which batch norm cannot take, joins the batch before it.

    Args:
        rows: Row numbers, int64 [N].
        size: Rows per batch, at least 1.
        generator: draws the order.
        drop_last: leave out a last batch that is not full (unless it is the only one).

    Raises:
        ConfigError: The size is below 1.

    >>> [len(b) for b in epoch_batches(torch.arange(9), 4, torch.Generator().manual_seed(0))]
    [4, 5]
    """
    if size < 1:
        raise ConfigError("The batch size is not usable", expected="at least 1", found=str(size))
    batches = list(shuffled(rows, generator).split(size)) if len(rows) else []
    if len(batches) > 1 and len(batches[-1]) < size:
        last = batches.pop()
        if len(last) == 1 and not drop_last:
            batches[-1] = torch.cat([batches[-1], last])
        elif not drop_last:
            batches.append(last)
    return batches


def shuffled(rows: Tensor, generator: torch.Generator) -> Tensor:
    """The rows in a random order."""
    order = torch.randperm(len(rows), generator=generator, device=generator.device)
    return rows[order.to(rows.device)]


class Stream:
    """An endless stream of rows: every row once, in a random order, then again in another.

    Args:
        rows: Row numbers, int64 [N], at least one.
        generator: draws the orders; its state is part of the stream's.

    Raises:
        DataError: There are no rows.

    >>> stream = Stream(torch.arange(5), torch.Generator().manual_seed(0))
    >>> sorted(stream.take(5).tolist()), len(stream.take(12))
    ([0, 1, 2, 3, 4], 12)
    """

    def __init__(self, rows: Tensor, generator: torch.Generator) -> None:
        if not len(rows):
            raise DataError("A stream needs rows", expected="at least one", found="none")
        self.rows = rows
        self.generator = generator
        self._order = rows[:0]
        self._position = 0

    def take(self, n: int) -> Tensor:
        """The next n rows, int64 [n]."""
        parts = []
        while n > 0:
            if self._position == len(self._order):
                self._order, self._position = shuffled(self.rows, self.generator), 0
            part = self._order[self._position : self._position + n]
            self._position += len(part)
            n -= len(part)
            parts.append(part)
        return torch.cat(parts) if parts else self.rows[:0]

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on exactly here."""
        return {
            "rows": self.rows.clone(),
            "order": self._order.clone(),
            "position": self._position,
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the stream that gave `state` stopped.

        Raises:
            RunError: The state belongs to a stream of other rows.
        """
        if not torch.equal(state["rows"].cpu(), self.rows.cpu()):
            raise RunError(
                "The saved stream does not fit",
                expected=f"the same {len(self.rows)} rows",
                found=f"{len(state['rows'])} rows, or others",
                do="Start again in an empty folder",
            )
        self._order = state["order"].to(self.rows.device)
        self._position = state["position"]
        self.generator.set_state(state["generator"].cpu())
