"""A trained forest as arrays: saved and read at once, where skops would take every tree by itself."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


class Trees(BaseEstimator):
    """A forest of scikit-learn after training; it predicts the same numbers, bit for bit.

    The nodes of all trees stand one behind another. A row goes on to the first child of a node if its value of
    `feature` is at most `threshold`, else to the second; the children of a leaf are the leaf itself.

    Attributes:
        feature: Column that a node looks at, int64 [M].
        threshold: float64 [M].
        children: First and second child of every node, int64 [2 M].
        value: Of every node the classes' shares or the mean target, float64 [M, C].
        roots: First node of every tree, int64 [T].
        depth: The longest way from a root to a leaf.
        classes_: The classes' numbers; None for real values.
    """

    def __init__(
        self,
        feature: Any = None,
        threshold: Any = None,
        children: Any = None,
        value: Any = None,
        roots: Any = None,
        depth: int = 0,
        classes_: Any = None,
    ) -> None:
        self.feature, self.threshold, self.children = feature, threshold, children
        self.value, self.roots, self.depth, self.classes_ = value, roots, depth, classes_

    @classmethod
    def of(cls, forest: Any) -> "Trees":
        """The arrays of a trained `RandomForest...` or `ExtraTrees...` for one target, without missing values."""
        trees = [one.tree_ for one in forest.estimators_]
        counts = [tree.node_count for tree in trees]
        roots = np.cumsum([0, *counts])[:-1]
        node, first = np.arange(sum(counts)), np.repeat(roots, counts)

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(tree, name) for tree in trees])

        children = np.stack([joined("children_left"), joined("children_right")], 1)
        leaf = children[:, :1] < 0
        return cls(
            np.where(leaf[:, 0], 0, joined("feature")),
            joined("threshold"),
            np.where(leaf, node[:, None], children + first[:, None]).ravel(),
            joined("value")[:, 0, :],
            roots,
            max(tree.max_depth for tree in trees),
            getattr(forest, "classes_", None),
        )

    @property
    def leaves(self) -> np.ndarray:
        """Which nodes are leaves, bool [M]."""
        return self.children[::2] == np.arange(len(self.feature))

    def fit(self, x: Any, y: Any = None) -> "Trees":
        """Not possible: the trees are trained."""
        raise NotImplementedError("the trees of a trained forest cannot be trained again")

    def predict_proba(self, x: Any) -> np.ndarray:
        """The mean of the trees' shares of classes, [N, C]."""
        return self._mean(x)

    def predict(self, x: Any) -> np.ndarray:
        """The likeliest class, or the mean of the trees' values, [N]."""
        found = self._mean(x)
        return found[:, 0] if self.classes_ is None else self.classes_[found.argmax(1)]

    def _mean(self, x: Any) -> np.ndarray:
        x = np.ascontiguousarray(x, dtype=np.float32)
        start, total = np.arange(len(x)) * x.shape[1], np.zeros((len(x), self.value.shape[1]))
        for root in self.roots:  # in the order in which scikit-learn adds them up
            node = np.full(len(x), root)
            for _ in range(self.depth):
                beyond = x.take(start + self.feature.take(node)) > self.threshold.take(node)
                node = self.children.take(2 * node + beyond)
            total += self.value.take(node, 0)
        return total / len(self.roots)
