"""What a trained estimator predicts, as arrays."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse

from auxin.rivals.base import InputShape, Vectors

LEAST = 1e-6
"""No class has a smaller probability than this: the logarithm of an impossible class would be infinite."""


def chances(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [N, C] of which none is below `LEAST`.

    >>> chances(np.array([[1.0, 0.0]])).round(6).tolist()
    [[0.999999, 1e-06]]
    """
    full = np.maximum(probabilities, LEAST)
    return full / full.sum(1, keepdims=True)


def predicted(estimator: Any, x: Vectors, shape: InputShape, classes: int) -> np.ndarray:
    """Probabilities [N, C] of the classes by their numbers, or values [N].

    Args:
        estimator: A trained one; a class that it does not know has the probability `LEAST`.
        x: [N, D], NaN where missing.
        shape: InputShape of the inputs in training; where they were compressed rows, these are compressed too.
        classes: C; 0 for values.
    """
    if shape.compressed and not issparse(x):
        x = csr_matrix(x)
    with quiet():
        if not classes:
            return estimator.predict(x).astype(np.float64)
        found = np.asarray(estimator.predict_proba(x), dtype=np.float64)
    full = np.zeros((x.shape[0], classes))
    full[:, np.asarray(estimator.classes_, dtype=np.int64)] = np.nan_to_num(found)
    return chances(full)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what estimators say of few rows, rounds that did not converge, or rows without a label."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
