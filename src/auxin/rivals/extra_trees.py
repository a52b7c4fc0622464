"""Extremely randomised trees: a forest whose splits are drawn at random."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from auxin.rivals._base import Kind, Options, Rival, Shape
from auxin.rivals._pipeline import filled

TREES = 100
QUICK = 50
"""Trees where it is only compared: enough to see how good it is."""


class ExtraTrees(Rival):
    """`sklearn.ensemble.ExtraTreesClassifier` and `ExtraTreesRegressor`.

    >>> [dict(one) for one in ExtraTrees.tries("regression", Shape(100, 4))]
    [{'features': 0.5, 'leaf': 1}, {'features': 1.0, 'leaf': 1}, {'features': 0.5, 'leaf': 3}]
    """

    simplicity: ClassVar[int] = 5
    quick: ClassVar[Options] = {"trees": QUICK}

    @classmethod
    def tries(cls, kind: Kind, shape: Shape) -> Sequence[Options]:
        """The share of columns that a split looks at ("sqrt": their root), and the rows of the smallest leaf."""
        if kind == "classes" or shape.wide:
            found = (("sqrt", 1), ("sqrt", 3), (0.5 if not shape.wide else 0.1, 1))
        else:
            found = ((0.5, 1), (1.0, 1), (0.5, 3))
        return [{"features": features, "leaf": leaf} for features, leaf in found]

    @classmethod
    def build(
        cls, kind: Kind, shape: Shape, seed: int, features: Any = "sqrt", leaf: int = 1, trees: int = TREES
    ) -> Any:
        """The pipeline."""
        made = ExtraTreesClassifier if kind == "classes" else ExtraTreesRegressor
        return filled(made(trees, max_features=features, min_samples_leaf=leaf, random_state=seed))
