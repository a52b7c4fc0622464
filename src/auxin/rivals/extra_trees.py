"""Extremely randomised trees: a forest whose splits are drawn at random."""

from typing import ClassVar

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from auxin.rivals._forest import Forest


class ExtraTrees(Forest):
    """`sklearn.ensemble.ExtraTreesClassifier` and `ExtraTreesRegressor`.

    >>> from auxin.rivals import InputShape
    >>> [dict(one) for one in ExtraTrees.tries("regression", InputShape(100, 4))]
    [{'features': 0.5, 'leaf': 1}, {'features': 1.0, 'leaf': 1}, {'features': 0.5, 'leaf': 3}]
    """

    estimators: ClassVar[tuple[type, type]] = (ExtraTreesClassifier, ExtraTreesRegressor)
