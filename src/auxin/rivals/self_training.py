"""Self-training: logistic regression that adds the unlabelled rows it is sure of, round by round."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import SelfTrainingClassifier

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival


class SelfTraining(Rival):
    """`sklearn.semi_supervised.SelfTrainingClassifier` around logistic regression.

    >>> [dict(one) for one in SelfTraining.tries("classes", InputShape(100, 64, 10))]
    [{'threshold': 0.9, 'C': 1.0}, {'threshold': 0.75, 'C': 1.0}, {'threshold': 0.9, 'C': 0.1}]
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("classes",)
    unlabelled: ClassVar[bool] = True
    weighted: ClassVar[bool] = False
    compressed: ClassVar[bool] = True
    simplicity: ClassVar[int] = 2

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """How sure it must be of a row, and the strength 1 / C of the penalty."""
        factor = 10.0 if shape.sparse else 1.0
        found = ((0.9, 1.0), (0.75, 1.0), (0.9, 0.1))
        return [{"threshold": threshold, "C": factor * c} for threshold, c in found]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, threshold: float = 0.9, C: float = 1.0) -> Any:
        """The pipeline."""
        inner = LogisticRegression(C=C, max_iter=500)
        return scaled(SelfTrainingClassifier(inner, threshold=threshold), shape)
