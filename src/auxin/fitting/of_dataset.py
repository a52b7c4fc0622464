"""The rows of a data set as candidates take them."""

import numpy as np
import torch
from torch import Tensor

from auxin.data import Dataset
from auxin.fitting.rows import Rows
from auxin.math.sparse import SparseRows
from auxin.rivals import Vectors


def fitted_dataset(dataset: Dataset, labelled: Tensor, unlabelled: Tensor) -> Dataset:
    """The data set with its encoder and units learned from the training rows alone."""
    every = torch.cat([labelled, unlabelled])
    return dataset.fitted(labelled, every)


def flat(x: Tensor, blank: Tensor | None = None) -> np.ndarray:
    """Vectors as vectors, float32 [N, D], NaN where missing."""
    values = x.float().flatten(1)
    return (values if blank is None else values.masked_fill(blank, torch.nan)).numpy()


def vectors(dataset: Dataset, rows: Tensor) -> Vectors:
    """The inputs of these rows as vectors, NaN where missing; a SciPy matrix where the data set keeps them sparse."""
    if isinstance(dataset.x, SparseRows):
        x = dataset.x.take(rows)
        gone = dataset.blank.take(rows) if isinstance(dataset.blank, SparseRows) else None
        return (x if gone is None else x.masked_fill(gone, np.nan)).matrix
    return flat(dataset.x[rows], None if not isinstance(dataset.blank, Tensor) else dataset.blank[rows])


def rows_of(dataset: Dataset, labelled: Tensor, unlabelled: Tensor) -> Rows:
    """The training rows of a fitted data set, those with a main label first.

    Args:
        dataset: What `fitted_dataset` made.
        labelled: The training rows with a main label.
        unlabelled: Those without one, or whose label is hidden.
    """
    every = torch.cat([labelled, unlabelled])
    task = dataset.tasks[dataset.main]
    y = dataset.y[dataset.main][every].clone()
    y[len(labelled) :] = torch.nan if y.is_floating_point() else -1
    others = {
        name: (dataset.tasks[name], dataset.y[name][every]) for name in dataset.tasks if name != dataset.main
    }
    groups = None if dataset.groups is None else [dataset.groups[row] for row in every.tolist()]
    image = dataset.shape if len(dataset.shape) == 3 else None
    return Rows(vectors(dataset, every), task, y, others, image, groups)
