"""The score of an estimator where some of the labels are missing."""

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import column_or_1d

from auxin.api._labels import blank


class LabelledScore:
    """A score over the rows whose y is not missing, in place of scikit-learn's own."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """scikit-learn's score (accuracy, or R²) over the rows whose y is not missing.

        So `cross_val_score` and `GridSearchCV` work where labels are missing; give them `cv=KFold(...)`, since their
        default stratifies by y and takes no missing labels.
        """
        known = ~blank(column_or_1d(y))
        if known.all():
            return super().score(X, y, sample_weight)  # type: ignore[misc]
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        labels = np.array(column_or_1d(y)[known].tolist())  # words among None are objects
        rows = _safe_indexing(X, np.flatnonzero(known))
        return super().score(rows, labels, weight)  # type: ignore[misc]
