"""Stacking: a linear model on the cross-validated predictions of a linear model, a forest and neighbours."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.ensemble import (
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival

TREES, NEIGHBOURS, FOLDS = 40, 7, 3


class Stacking(Rival):
    """`sklearn.ensemble.StackingClassifier` and `StackingRegressor` (Wolpert 1992).

    >>> [dict(one) for one in Stacking.tries("classes", InputShape(100, 64, 10))]
    [{'final': 1.0}]
    """

    weighted: ClassVar[bool] = False
    simplicity: ClassVar[int] = 8

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """The final model's penalty: C for classes, alpha for real values."""
        return [{"final": 1.0}]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, final: float = 1.0) -> Any:
        """The pipeline."""
        linear = 10.0 if shape.sparse else 0.1
        near = max(1, min(NEIGHBOURS, shape.rows // 4))
        if kind == "classes":
            parts = [
                ("linear", LogisticRegression(C=linear, max_iter=500)),
                ("forest", RandomForestClassifier(TREES, random_state=seed)),
                ("neighbours", KNeighborsClassifier(near)),
            ]
            last = LogisticRegression(C=final, max_iter=500)
            return scaled(StackingClassifier(parts, last, cv=FOLDS), shape)
        real = [
            ("linear", Ridge(1 / linear)),
            ("forest", RandomForestRegressor(TREES, max_features=0.5, random_state=seed)),
            ("neighbours", KNeighborsRegressor(near)),
        ]
        return scaled(StackingRegressor(real, Ridge(final), cv=FOLDS), shape, brightness=True)
