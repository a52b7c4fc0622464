"""A forest on the inputs and the auxiliary labels together, for rows that carry auxiliaries and no main label."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from torch import Tensor

from auxin.sources.base import Source, SourceInputs, flat, votes
from auxin.tasks.classes import Classes


class WithAuxiliaries(Source):
    """Randomised trees on (x, auxiliary labels), trained on the rows with a main label.

    An auxiliary label says much about the main one, and at prediction it is absent; here it helps to guess the main
    label of the training rows that lack one, and the network learns from inputs and guesses. Classes enter as one
    column each; a missing label is a column of zeros for classes and the mean of the known ones for numbers, with a
    column that says so.

    Args:
        trees: Number of trees.

    >>> import torch
    >>> from auxin.tasks.classes import Classes
    >>> species = torch.tensor([0, 0, 1, 1])
    >>> known = SourceInputs(torch.zeros(4, 1), torch.tensor([0, -1, 1, -1]), 2, {"s": species}, {"s": Classes("s", 2)})
    >>> WithAuxiliaries(20).guess(known).argmax(1).tolist()
    [0, 0, 1, 1]
    """

    needs_auxiliaries: ClassVar[bool] = True

    def __init__(self, trees: int = 200) -> None:
        self.trees = trees

    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        """Its probabilities for every row."""
        del features, outputs
        x = np.concatenate([flat(known.x).numpy(), *columns(known)], axis=1)
        return votes(x, known, self.trees)


def columns(known: SourceInputs) -> Iterator[np.ndarray]:
    """The auxiliary labels as columns of numbers, [N, D] each; targets with a value per pixel are left out."""
    for name, target in known.auxiliaries.items():
        task = known.tasks[name]
        if task.dense:
            continue
        values = target.cpu().numpy()
        if isinstance(task, Classes) and values.ndim == 1:
            yield (values[:, None] == np.arange(task.width)).astype(float)
            continue
        whole = np.issubdtype(values.dtype, np.integer)
        values = values.reshape(len(values), -1).astype(float)
        missing = values == -1 if whole else np.isnan(values)
        counts = np.maximum((~missing).sum(0), 1)
        means = np.where(missing, 0.0, values).sum(0) / counts
        yield np.where(missing, means, values)
        yield missing.astype(float)
