"""k-means features: how much nearer than average each centre is (the triangle activation)."""

from typing import ClassVar

import torch
from torch import Tensor

from auxin.errors import DataError
from auxin.features.base import Features, check_rows, check_width
from auxin.paper import Paper


class KMeans(Features):
    """max(0, mean_k d_k - d_j) for the distance d_j to centre j (Coates, Lee, Ng 2011).

    Args:
        width: Number of centres.
        starts: Number of random starts; the best result is kept.

    >>> x = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
    >>> (KMeans(2).fit(x).transform(x) > 0).sum(1).tolist()
    [1, 1, 1, 1]
    """

    paper: ClassVar[Paper] = Paper(
        "An Analysis of Single-Layer Networks in Unsupervised Feature Learning",
        "Coates, Lee, Ng",
        2011,
        "https://proceedings.mlr.press/v15/coates11a.html",
        "section 3.2.1",
    )

    def __init__(self, width: int = 16, *, starts: int = 3) -> None:
        self.width, self.starts = check_width(width), starts
        self.centres = torch.zeros(0, 0)

    def fit(self, x: Tensor, seed: int = 0) -> "KMeans":
        """Lloyd's algorithm from scikit-learn's starts.

        Raises:
            DataError: Fewer distinct rows than centres.
        """
        from sklearn.cluster import KMeans as Peer

        check_rows(x)
        distinct = len(torch.unique(x, dim=0))
        if distinct < self.width:
            raise DataError(
                "Too few distinct rows for the centres", expected=f"{self.width}", found=str(distinct)
            )
        peer = Peer(self.width, random_state=seed).set_params(n_init=self.starts).fit(x.double().numpy())
        self.centres = torch.from_numpy(peer.cluster_centers_).to(x.dtype)
        return self

    def transform(self, x: Tensor) -> Tensor:
        """[N, width]."""
        distance = torch.cdist(x, self.centres)
        return torch.relu(distance.mean(1, keepdim=True) - distance)
