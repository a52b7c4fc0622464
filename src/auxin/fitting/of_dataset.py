"""The rows of a data set as candidates take them."""

import numpy as np
import torch
from torch import Tensor

from auxin.data import Dataset
from auxin.fitting.rows import Rows


def fitted_dataset(dataset: Dataset, labelled: Tensor, unlabelled: Tensor) -> Dataset:
    """The data set with its encoder and units learned from the training rows alone."""
    every = torch.cat([labelled, unlabelled])
    return dataset.fitted(labelled, every)


def flat(x: Tensor, blank: Tensor | None = None) -> np.ndarray:
    """Inputs as vectors, float32 [N, D], NaN where missing."""
    values = x.float().flatten(1)
    return (values if blank is None else values.masked_fill(blank, torch.nan)).numpy()


def rows_of(dataset: Dataset, labelled: Tensor, unlabelled: Tensor) -> Rows:
    """The training rows of a fitted data set, those with a main label first.

    Args:
        dataset: what `fitted_dataset` made.
        labelled: the training rows with a main label.
        unlabelled: those without one, or whose label is hidden.
    """
    every = torch.cat([labelled, unlabelled])
    task = dataset.tasks[dataset.main]
    y = dataset.y[dataset.main][every].clone()
    y[len(labelled) :] = torch.nan if y.is_floating_point() else -1
    blank = None if dataset.blank is None else dataset.blank[every]
    others = {
        name: (dataset.tasks[name], dataset.y[name][every]) for name in dataset.tasks if name != dataset.main
    }
    groups = None if dataset.groups is None else [dataset.groups[row] for row in every.tolist()]
    image = dataset.shape if len(dataset.shape) == 3 else None
    return Rows(flat(dataset.x[every], blank), task, y, others, image, groups)
