"""What stands before an estimator: gaps filled, columns in one unit."""

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from auxin.rivals._base import Shape


def filled(model: Any) -> Pipeline:
    """The estimator after gaps are filled with the column's median."""
    return Pipeline([("fill", _fill("median")), ("model", model)])


def scaled(model: Any, shape: Shape) -> Pipeline:
    """The estimator after gaps are filled with the mean and columns have mean 0 and spread 1.

    Word counts get length 1 per row instead: in units of its spread a word that occurs once outweighs all others.
    """
    if shape.dense is not None:
        dense = list(shape.dense)
        counts = sorted(set(range(shape.columns)) - set(dense))
        parts = [("counts", Normalizer(), counts), ("rest", StandardScaler(), dense)]
        made = ColumnTransformer(parts if dense else parts[:1])
        return Pipeline([("fill", _fill("mean")), ("scale", made), ("model", model)])
    return Pipeline([("fill", _fill("mean")), ("scale", StandardScaler()), ("model", model)])


def _fill(strategy: str) -> SimpleImputer:
    return SimpleImputer(strategy=strategy, keep_empty_features=True)
