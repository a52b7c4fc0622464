"""A learned update rule in the user's hands: fit any network on any rows without labels, and take its features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from auxin.rules.applied import LearnedRule

__all__ = ["LearnedRule", "RuleTransformer"]


class RuleTransformer(TransformerMixin, BaseEstimator):
    """`LearnedRule` as a scikit-learn transformer, for pipelines.

    Args:
        rule: A shipped name or a rule file.
        hidden, width, activation, steps, batch, random_state: As in `LearnedRule.fit` (random_state: an
            integer; a batch larger than the data is the whole data).

    >>> from sklearn.datasets import load_digits
    >>> x, _ = load_digits(return_X_y=True)
    >>> RuleTransformer(steps=5).fit_transform(x[:100]).shape
    (100, 16)
    """

    def __init__(
        self,
        rule: str = "small",
        *,
        hidden: Sequence[int] = (64,),
        width: int = 16,
        activation: str = "relu",
        steps: int = 100,
        batch: int = 32,
        random_state: int = 0,
    ) -> None:
        self.rule, self.hidden, self.width, self.activation = rule, hidden, width, activation
        self.steps, self.batch, self.random_state = steps, batch, random_state

    def fit(self, X: Any, y: Any = None) -> "RuleTransformer":
        """Train the network on the rows; labels are ignored."""
        del y
        rows = np.asarray(validate_data(self, X, dtype=(np.float64, np.float32), ensure_min_samples=2))
        self.learned_ = LearnedRule.load(self.rule).fit(
            rows,
            hidden=tuple(self.hidden),
            width=self.width,
            activation=self.activation,
            steps=self.steps,
            batch=min(self.batch, len(rows)),
            seed=self.random_state,
        )
        self._n_features_out = self.width
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Features [n, width]."""
        check_is_fitted(self, "learned_")
        rows = np.asarray(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))
        return self.learned_.transform(rows).numpy().astype(rows.dtype)
