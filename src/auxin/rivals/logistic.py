"""Logistic regression on standardised inputs."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.linear_model import LogisticRegression

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival


class Logistic(Rival):
    """`sklearn.linear_model.LogisticRegression` with an L2 penalty of strength 1 / C.

    Word counts are not standardised, and need a weaker penalty.

    >>> [dict(one) for one in Logistic.tries("classes", InputShape(100, 4, 2))]
    [{'C': 1.0}, {'C': 0.1}, {'C': 0.01}]
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("classes",)
    compressed: ClassVar[bool] = True
    simplicity: ClassVar[int] = 1

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Strengths of the penalty."""
        strengths = (10.0, 1.0, 100.0) if shape.sparse else (1.0, 0.1, 0.01)
        return [{"C": value} for value in strengths]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, C: float = 1.0) -> Any:
        """The pipeline."""
        return scaled(LogisticRegression(C=C, max_iter=500), shape)
