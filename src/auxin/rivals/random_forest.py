"""A random forest."""

from typing import ClassVar

from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from auxin.rivals._forest import Forest


class RandomForest(Forest):
    """`sklearn.ensemble.RandomForestClassifier` and `RandomForestRegressor`.

    >>> from auxin.rivals import InputShape
    >>> [dict(one) for one in RandomForest.tries("regression", InputShape(100, 4))]
    [{'features': 0.5, 'leaf': 1}, {'features': 1.0, 'leaf': 1}, {'features': 0.5, 'leaf': 3}]
    """

    estimators: ClassVar[tuple[type, type]] = (RandomForestClassifier, RandomForestRegressor)
