"""Main classes from the classes of an auxiliary task by a table, where those determine them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from auxin.fitting.rows import Rows
from auxin.tasks.classes import Classes

FEWEST = 10
"""Labelled rows whose auxiliary class another labelled row has too: fewer prove nothing."""
CERTAIN = 0.995
"""Share of them that the others' most frequent main class must name."""
ONE_CLASS = 0.95
"""Where one main class has a greater share of them, it would be named by a guess."""


@dataclass(frozen=True)
class Lookup:
    """A table from the classes of an auxiliary task to main classes.

    Attributes:
        name: Name of the auxiliary task.
        quality: How often it is right, in words.
    """

    name: str
    quality: str

    def labels(self, rows: Rows, kept: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, Tensor]:
        """Those of the rows `others` whose auxiliary class a row of `kept` has, and their main classes.

        Args:
            rows: The training rows.
            kept: Rows whose main label makes the table.
            others: Rows without one.
        """
        table = _counts(rows, self.name, kept)
        fine = rows.auxiliaries[self.name][1]
        own = fine[torch.from_numpy(others)]
        seen = (own >= 0) & (table.sum(1) > 0)[own.clamp(min=0)]
        return others[seen.numpy()], table.argmax(1)[own[seen]]


def lookup_of(rows: Rows) -> Lookup | None:
    """The table that names the main class of the most rows without one; None where no auxiliary task determines it.

    A table counts if every labelled row's main class is the most frequent one among the *other* labelled rows of its
    auxiliary class, where there are such rows.
    """
    if not isinstance(rows.task, Classes) or rows.y.dim() > 1:
        return None
    found: list[tuple[int, Lookup]] = []
    for name, (task, fine) in rows.auxiliaries.items():
        if not isinstance(task, Classes) or fine.dim() > 1:
            continue
        right, count = _left_out(rows, name)
        if count < FEWEST or right < CERTAIN:
            continue
        one = Lookup(name, f"{right:.1%} of {count:,} labelled rows right by the others")
        found.append((len(one.labels(rows, rows.labelled, rows.unlabelled)[0]), one))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _counts(rows: Rows, name: str, kept: np.ndarray) -> Tensor:
    """Rows of each auxiliary and each main class, [auxiliary classes, main classes]."""
    task, fine = rows.auxiliaries[name]
    own = torch.from_numpy(kept)[(fine[torch.from_numpy(kept)] >= 0)]
    table = torch.zeros(task.width, rows.task.width)
    return table.index_put_((fine[own], rows.y[own]), torch.ones(len(own)), accumulate=True)


def _left_out(rows: Rows, name: str) -> tuple[float, int]:
    """The share of labelled rows that the table without them gets right, and how many it has an entry for."""
    table, fine = _counts(rows, name, rows.labelled), rows.auxiliaries[name][1]
    own = torch.from_numpy(rows.labelled)[fine[torch.from_numpy(rows.labelled)] >= 0]
    others = table[fine[own]].clone()
    others[torch.arange(len(own)), rows.y[own]] -= 1
    has = others.sum(1) > 0
    main = rows.y[own][has]
    if not len(main) or float(torch.bincount(main).max()) > ONE_CLASS * len(main):
        return 0.0, 0
    return float((others[has].argmax(1) == main).float().mean()), len(main)
