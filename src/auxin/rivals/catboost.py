"""Gradient boosting by CatBoost (extra `boosting`)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from auxin.rivals.base import InputShape, Kind, Options, Rival


class CatBoost(Rival):
    """`catboost.CatBoostClassifier` and `CatBoostRegressor`, with shallow symmetric trees.

    >>> [dict(one) for one in CatBoost.tries("regression", InputShape(100, 4))]
    [{'rate': 0.1, 'rounds': 150}, {'rate': 0.03, 'rounds': 300}, {'rate': 0.1, 'rounds': 150, 'depth': 6}]
    """

    package: ClassVar[str] = "catboost"
    extra: ClassVar[str] = "boosting"
    simplicity: ClassVar[int] = 7

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Rates, rounds and the trees' depth."""
        return [
            {"rate": 0.1, "rounds": 150},
            {"rate": 0.03, "rounds": 300},
            {"rate": 0.1, "rounds": 150, "depth": 6},
        ]

    @classmethod
    def build(
        cls, kind: Kind, shape: InputShape, seed: int, rate: float = 0.1, rounds: int = 150, depth: int = 4
    ) -> Any:
        """The estimator; gaps need no filling. It writes no files."""
        import catboost  # pyright: ignore[reportMissingImports]

        made: Any = getattr(catboost, f"CatBoost{'Classifier' if kind == 'classes' else 'Regressor'}")
        return made(
            learning_rate=rate,
            iterations=rounds,
            depth=depth,
            random_seed=seed,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
        )
