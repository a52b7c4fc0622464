"""Random: each training row gets a random auxiliary class of its primary class, balanced, and keeps it."""

from dataclasses import replace

import torch
from torch import Tensor

from auxin.labelers._checks import check_main
from auxin.labelers._seeding import generator_of
from auxin.labelers._table import FixedLabels
from auxin.labelers.base import LabelerContext
from auxin.paper import MAXL


class Random(FixedLabels):
    """The baseline "Random": labels that know the primary class and nothing else.

    Liu, Davison, Johns 2019, section 4.1: "assigns each training image to random auxiliary classes in a
    randomly generated well-balanced hierarchy". Within each primary class the auxiliary classes' counts
    differ by at most 1; which of them get one more is random too. A row is known by its number, so its label
    is the same in every epoch and under any augmentation. A row whose main label is missing, that a pretext
    task made up, or that is no training row has none.

    Args:
        table: Table of the labels by row number.
        hierarchy: Hierarchy psi, the number of auxiliary classes of each primary class.

    >>> from torch import nn
    >>> from auxin.math.hierarchy import Hierarchy
    >>> from auxin.typing import Batch
    >>> x, y, rows = torch.zeros(6, 1), torch.tensor([0, 0, 0, 0, 1, -1]), torch.arange(6)
    >>> labeler = Random.build(LabelerContext("y", Hierarchy((2, 1)), x, {"y": y}, rows, nn.Identity, seed=0))
    >>> labeler(Batch(x, {"y": y}, rows)).nansum(dim=0).tolist()
    [2.0, 2.0, 1.0]
    """

    paper = replace(MAXL, place="section 4.1, baseline Random")

    @classmethod
    def build(cls, context: LabelerContext) -> "Random":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Draw the labels of the training rows by the seed."""
        check_main(context)
        generator = generator_of(context.seed, "random")
        return cls.of_classes(context, lambda _, rows, size: balanced_classes(len(rows), size, generator))


def balanced_classes(count: int, classes: int, generator: torch.Generator) -> Tensor:
    """`count` class numbers below `classes`, in random order, whose counts differ by at most 1.

    >>> balanced_classes(6, 3, torch.Generator().manual_seed(0)).bincount().tolist()
    [2, 2, 2]
    """
    names = torch.randperm(classes, generator=generator)
    return names[torch.randperm(count, generator=generator) % classes]
