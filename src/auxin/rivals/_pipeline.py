"""What stands before an estimator: gaps filled, columns in one unit."""

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from auxin.rivals.base import InputShape


class OneUnit(StandardScaler):
    """Columns of mean 0, all divided by one number: the root of the columns' mean variance.

    Pixels have one unit. In units of their own spread, pixels at the margin, which hardly vary, would count most.

    >>> OneUnit().fit_transform(np.array([[0.0, 1.0], [6.0, 1.0], [0.0, 1.0], [6.0, 1.0]])).std(0).round(3).tolist()
    [1.414, 0.0]
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "OneUnit":
        """Means, and the one unit."""
        super().fit(X, y, sample_weight)
        unit = float(np.sqrt(np.mean(np.asarray(self.var_)))) or 1.0
        self.scale_ = np.full(len(np.asarray(self.mean_)), unit)
        return self


class Dense(TransformerMixin, BaseEstimator):
    """A few columns of a compressed matrix as an array."""

    def fit(self, x: Any, y: Any = None) -> "Dense":
        """There is nothing to learn."""
        self.fitted_ = True
        return self

    def transform(self, x: Any) -> np.ndarray:
        """The array."""
        return x.toarray() if issparse(x) else np.asarray(x)


def filled(model: Any) -> Pipeline:
    """The estimator after gaps are filled with the column's median."""
    return Pipeline([("fill", _fill("median")), ("model", model)])


def scaled(model: Any, shape: InputShape, *, brightness: bool = False) -> Pipeline:
    """The estimator after gaps are filled with the mean and columns have mean 0 and spread 1.

    Word counts get length 1 per row instead: in units of its spread a word that occurs once outweighs all others.
    Categories beside them stay zeros and ones, so that a category weighs as much as a whole text. An
    image gets length 1 and its pixels one unit, so that neither its exposure nor a pixel at the margin decides.

    Args:
        model: The estimator.
        shape: Shape of the inputs.
        brightness: Whether an image keeps its length, for targets that may depend on how bright it is.
    """
    if shape.image is not None:
        length = [] if brightness else [("length", Normalizer())]
        return Pipeline([("fill", _fill("mean")), *length, ("scale", OneUnit()), ("model", model)])
    if shape.dense is not None:
        dense, flags = list(shape.dense), list(shape.flags)
        counts: Any = np.array(sorted(set(range(shape.columns)) - {*dense, *flags}))
        one = (
            Pipeline([("dense", Dense()), ("scale", StandardScaler())])
            if shape.compressed
            else StandardScaler()
        )
        parts: Any = [
            ("counts", Normalizer(), counts),
            ("rest", one, dense),
            ("flags", StandardScaler(with_mean=False, with_std=False), flags),
        ]
        made = ColumnTransformer([part for part in parts if len(part[2])])
        return Pipeline([("fill", _fill("mean")), ("scale", made), ("model", model)])
    return Pipeline([("fill", _fill("mean")), ("scale", StandardScaler()), ("model", model)])


def _fill(strategy: str) -> SimpleImputer:
    return SimpleImputer(strategy=strategy, keep_empty_features=True)
