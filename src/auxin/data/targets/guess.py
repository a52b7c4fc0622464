"""Which kind of task values make, by the same rule for files, arrays and frames in memory."""

import numpy as np

MOST_CLASSES = 10
"""Whole numbers of more different values than this are numbers, unless the user sets the kind: counts, grades."""


def of_numbers(values: np.ndarray) -> str:
    """Few whole numbers are classes, other numbers regression.

    >>> of_numbers(np.array([0.0, 1.0, np.nan, 2.0])), of_numbers(np.arange(11)), of_numbers(np.array([0.5, 1.0]))
    ('classes', 'regression', 'regression')
    """
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    different = np.unique(known)
    whole = np.isfinite(known).all() and (different == np.floor(different)).all()
    return "classes" if whole and len(different) <= MOST_CLASSES else "regression"
