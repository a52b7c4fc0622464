"""Ridge regression on standardised inputs."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.linear_model import Ridge

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival


class RidgeRegression(Rival):
    """`sklearn.linear_model.Ridge` with an L2 penalty of strength alpha.

    >>> [dict(one) for one in RidgeRegression.tries("regression", InputShape(100, 4))]
    [{'alpha': 1.0}, {'alpha': 10.0}, {'alpha': 100.0}]
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("regression",)
    compressed: ClassVar[bool] = True
    simplicity: ClassVar[int] = 1

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Strengths of the penalty."""
        strengths = (1.0, 0.3, 3.0) if shape.sparse else (1.0, 10.0, 100.0)
        return [{"alpha": value} for value in strengths]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, alpha: float = 1.0) -> Any:
        """The pipeline."""
        return scaled(Ridge(alpha=alpha), shape, brightness=True)
