"""Label spreading over a graph of nearest neighbours of the inputs (Zhou et al. 2004)."""

import numpy as np
import torch
from scipy import sparse
from sklearn.neighbors import kneighbors_graph
from torch import Tensor

from auxin.errors import DataError
from auxin.sources.base import Source, SourceInputs, flat

ENOUGH = 1e-6
"""The iteration ends when no entry moves by more."""


class Spread(Source):
    """Labels spread from row to row over the graph that joins each row to its nearest neighbours.

    Zhou, Bousquet, Lal, Weston, Schoelkopf 2004, "Learning with Local and Global Consistency", section 2: with W
    the graph's weights, S = D^(-1/2) W D^(-1/2) and Y the one-hot labels (a row of zeros where unknown),

        F(t + 1) = alpha S F(t) + (1 - alpha) Y,     F* = (1 - alpha) (I - alpha S)^(-1) Y

    and a row's distribution is its row of F*, normalised. W is 1 where one of two rows is among the k nearest of
    the other (the symmetric closure; scikit-learn's LabelSpreading has the one-sided graph). A row that no label
    reaches is NaN. The paper's weights are Gaussian; neighbours need no width to be chosen.

    Args:
        neighbours: Number k of neighbours.
        alpha: Weight alpha of the neighbours in each row's distribution, above 0 and below 1.

    >>> known = SourceInputs(torch.tensor([[0.0], [0.1], [5.0], [5.1]]), torch.tensor([0, -1, 1, -1]), 2)
    >>> Spread(neighbours=1).guess(known).argmax(1).tolist()
    [0, 0, 1, 1]
    """

    def __init__(self, neighbours: int = 7, alpha: float = 0.2) -> None:
        self.neighbours, self.alpha = neighbours, alpha

    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        """Distributions by spreading over the inputs."""
        del features, outputs
        return spread(flat(known.x), known.y, known.classes, self.neighbours, self.alpha)


def spread(x: Tensor, y: Tensor, classes: int, neighbours: int, alpha: float) -> Tensor:
    """Label spreading over points x [N, D]; float32 [N, K], NaN for rows that no label reaches.

    Raises:
        DataError: There are fewer than two rows, or no label.
    """
    labels = y.cpu().numpy()
    if len(labels) < 2 or not (labels >= 0).any():
        raise DataError(
            "Labels cannot spread", expected="at least 2 rows and a label", found=f"{len(labels)} rows"
        )
    graph = similarity(x.cpu().numpy(), min(neighbours, len(labels) - 1))
    start = np.zeros((len(labels), classes))
    start[np.flatnonzero(labels >= 0), labels[labels >= 0]] = 1.0
    found = (1 - alpha) * start
    for _ in range(round(np.log(ENOUGH) / np.log(alpha)) + 1):  # what is left shrinks by alpha each time
        found = alpha * (graph @ found) + (1 - alpha) * start
    total = found.sum(1, keepdims=True)
    shares = np.divide(found, total, out=np.full_like(found, np.nan), where=total > 0)
    return torch.from_numpy(shares).float()


def similarity(x: np.ndarray, neighbours: int) -> sparse.csr_matrix:
    """S = D^(-1/2) W D^(-1/2) of the symmetric graph of nearest neighbours, without self-loops."""
    graph = kneighbors_graph(x, neighbours, mode="connectivity", include_self=False)
    graph = graph.maximum(graph.T)
    scale = sparse.diags(1 / np.sqrt(np.asarray(graph.sum(1)).ravel()))
    return sparse.csr_matrix(scale @ graph @ scale)
