"""Gradient boosting of histogram trees; missing values go to the side that helps."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from auxin.rivals.base import InputShape, Kind, Options, Rival

MANY = 5
"""With more classes than this, fewer rounds: every round grows a tree per class."""


class GradientBoosting(Rival):
    """`sklearn.ensemble.HistGradientBoostingClassifier` and `HistGradientBoostingRegressor`.

    Trees are small, since its users have few labels: at most 8 leaves of at least 5 rows.

    >>> [dict(one) for one in GradientBoosting.tries("regression", InputShape(100, 4))]
    [{'rate': 0.1, 'rounds': 80}, {'rate': 0.03, 'rounds': 100}, {'rate': 0.1, 'rounds': 80, 'leaf': 20}]
    """

    simplicity: ClassVar[int] = 6

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Rates, rounds and the rows of the smallest leaf."""
        share = 0.5 if shape.wide or shape.classes > MANY else 1.0
        found: list[dict[str, Any]] = [
            {"rate": 0.1, "rounds": int(80 * share)},
            {"rate": 0.03, "rounds": int(100 * share)},
            {"rate": 0.1, "rounds": int(80 * share), "leaf": 20},
        ]
        return found

    @classmethod
    def build(
        cls, kind: Kind, shape: InputShape, seed: int, rate: float = 0.1, rounds: int = 80, leaf: int = 5
    ) -> Any:
        """The estimator; gaps need no filling."""
        made: Any = HistGradientBoostingClassifier if kind == "classes" else HistGradientBoostingRegressor
        return made(
            learning_rate=rate,
            max_iter=rounds,
            max_leaf_nodes=8,
            min_samples_leaf=leaf,
            max_features=0.3 if shape.wide else 1.0,
            early_stopping=False,
            random_state=seed,
        )
