"""Gradient boosting by LightGBM (extra `boosting`)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from auxin.rivals.base import InputShape, Kind, Options, Rival


class LightGBM(Rival):
    """`lightgbm.LGBMClassifier` and `LGBMRegressor`, with small trees.

    >>> [dict(one) for one in LightGBM.tries("regression", InputShape(100, 4))]
    [{'rate': 0.1, 'rounds': 80}, {'rate': 0.03, 'rounds': 150}, {'rate': 0.1, 'rounds': 80, 'leaf': 20}]
    """

    package: ClassVar[str] = "lightgbm"
    extra: ClassVar[str] = "boosting"
    simplicity: ClassVar[int] = 6

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Rates, rounds and the rows of the smallest leaf."""
        return [
            {"rate": 0.1, "rounds": 80},
            {"rate": 0.03, "rounds": 150},
            {"rate": 0.1, "rounds": 80, "leaf": 20},
        ]

    @classmethod
    def build(
        cls, kind: Kind, shape: InputShape, seed: int, rate: float = 0.1, rounds: int = 80, leaf: int = 5
    ) -> Any:
        """The estimator; gaps need no filling."""
        from lightgbm import LGBMClassifier, LGBMRegressor

        made = LGBMClassifier if kind == "classes" else LGBMRegressor
        return made(
            learning_rate=rate,
            n_estimators=rounds,
            num_leaves=8,
            min_child_samples=leaf,
            random_state=seed,
            n_jobs=1,
            verbose=-1,
            deterministic=True,
        )
