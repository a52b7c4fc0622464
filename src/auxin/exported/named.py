"""Predictions as a table's columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def columns(values: np.ndarray, chances: np.ndarray | None, names: Sequence[str]) -> dict[str, Any]:
    """Predictions as a table's columns: labels by name, a probability per class, or values in the target's unit.

    Args:
        values: Class numbers or values [N], attributes or several values [N, D].
        chances: Probabilities [N, C], or None for numbers.
        names: The names of the classes or attributes.

    >>> columns(np.array([1]), np.array([[0.2, 0.8]]), ["cat", "dog"])["prediction"]
    ['dog']
    """
    if chances is None:
        if values.ndim > 1:
            return {f"prediction {k + 1}": values[:, k] for k in range(values.shape[1])}
        return {"prediction": values}
    each = {f"p({name})": chances[:, k] for k, name in enumerate(names)}
    if values.ndim > 1:
        return {f"is {name}": values[:, k] for k, name in enumerate(names)} | each
    return {"prediction": [names[k] for k in values.tolist()]} | each
