"""What both forests share: their tries, and the pipeline around scikit-learn's estimator."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.pipeline import Pipeline

from auxin.rivals._pipeline import filled
from auxin.rivals._trees import Trees
from auxin.rivals.base import InputShape, Kind, Options, Rival

TREES = 100
QUICK = 50
"""Number of trees where a forest is only compared: enough to see how good it is."""


class Forest(Rival):
    """A forest of trees.

    Attributes:
        estimators: Scikit-learn's classifier and regressor.
    """

    estimators: ClassVar[tuple[type, type]]
    simplicity: ClassVar[int] = 5
    quick: ClassVar[Options] = {"trees": QUICK}

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """The share of columns that a split looks at ("sqrt": their root), and the rows of the smallest leaf."""
        if kind == "classes" or shape.wide:
            found = (("sqrt", 1), ("sqrt", 3), (0.5 if not shape.wide else 0.1, 1))
        else:
            found = ((0.5, 1), (1.0, 1), (0.5, 3))
        return [{"features": features, "leaf": leaf} for features, leaf in found]

    @classmethod
    def build(
        cls,
        kind: Kind,
        shape: InputShape,
        seed: int,
        features: Any = "sqrt",
        leaf: int = 1,
        trees: int = TREES,
    ) -> Any:
        """The pipeline."""
        made = cls.estimators[kind != "classes"]
        return filled(made(trees, max_features=features, min_samples_leaf=leaf, random_state=seed))

    @classmethod
    def trained(cls, estimator: Any) -> Any:
        """The forest as arrays."""
        fill, forest = (step for _, step in estimator.steps)
        return Pipeline([("fill", fill), ("model", Trees.of(forest))])
