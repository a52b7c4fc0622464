"""Label spreading: labels diffuse over a graph of nearest neighbours that holds the unlabelled rows too."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sklearn.semi_supervised import LabelSpreading

from auxin.rivals._pipeline import scaled
from auxin.rivals.base import InputShape, Kind, Options, Rival

FAR = 1e-9
"""Spreading goes on until nothing changes by more: at alpha = 0.2 a label is worth 0.2^k after k steps, and the default
tolerance of 0.001 would leave rows that are further than four steps from a label without one."""


class Spreading(Rival):
    """`sklearn.semi_supervised.LabelSpreading` with a graph of k nearest neighbours.

    New rows take the weighted mean of their neighbours' labels; test rows are never in the graph.

    >>> [dict(one) for one in Spreading.tries("classes", InputShape(100, 64, 10))]
    [{'neighbours': 7, 'alpha': 0.2}, {'neighbours': 7, 'alpha': 0.8}, {'neighbours': 15, 'alpha': 0.2}]
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("classes",)
    unlabelled: ClassVar[bool] = True
    weighted: ClassVar[bool] = False
    simplicity: ClassVar[int] = 3
    onnx: ClassVar[str] = (
        "its prediction is a search among the training rows, for which there is no converter"
    )

    @classmethod
    def tries(cls, kind: Kind, shape: InputShape) -> Sequence[Options]:
        """Neighbours, and the share alpha of a row's label that its neighbours decide."""
        found = ((7, 0.2), (7, 0.8), (15, 0.2))
        return [{"neighbours": k, "alpha": alpha} for k, alpha in found]

    @classmethod
    def build(cls, kind: Kind, shape: InputShape, seed: int, neighbours: int = 7, alpha: float = 0.2) -> Any:
        """The pipeline."""
        made = LabelSpreading(kernel="knn", n_neighbors=neighbours, alpha=alpha, max_iter=100, tol=FAR)
        return scaled(made, shape)
