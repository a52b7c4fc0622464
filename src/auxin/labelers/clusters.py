"""k-means: each training row gets the cluster it falls into within its primary class, and keeps it."""

from dataclasses import replace

import numpy as np
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor

from auxin.labelers._checks import check_main
from auxin.labelers._embedding import fit_embedding
from auxin.labelers._seeding import fork_seed
from auxin.labelers._table import FixedLabels
from auxin.labelers.base import LabelerContext
from auxin.paper import MAXL


class Clusters(FixedLabels):
    """The baseline "K-means": sub-classes found by clustering each primary class once, before training.

    It goes with the baselines of Liu, Davison, Johns 2019, section 4.1, of which the nearest-neighbour one
    embeds images by a network pre-trained on ImageNet. That is not available here, so the embedding is one
    of three stated
    ones: "pca" (the default: the first 50 principal components of the normalised inputs), "pixels", or
    "random_trunk" (an untrained network).

    Within primary class c, Lloyd's algorithm with k-means++ finds psi[c] clusters, the best of `n_init`
    starts, by the seed and on one thread, so that it is reproducible. A class with fewer distinct rows than
    psi[c] uses only as many auxiliary classes as it has distinct rows. A row whose main label is missing,
    that a pretext task made up, or that is no training row has no label.

    Args:
        table: Table of the labels by row number.
        hierarchy: Hierarchy psi, the number of auxiliary classes of each primary class.

    >>> from torch import nn
    >>> from auxin.math.hierarchy import Hierarchy
    >>> from auxin.typing import Batch
    >>> x, y, rows = torch.tensor([[0.0], [9.0], [0.1], [9.1]]), torch.zeros(4).long(), torch.arange(4)
    >>> context = LabelerContext("y", Hierarchy((2,)), x, {"y": y}, rows, nn.Identity, seed=0)
    >>> labels = Clusters.build(context, embedding="pixels")(Batch(x, {"y": y}, rows)).argmax(1)
    >>> bool(labels[0] == labels[2]), bool(labels[1] == labels[3]), bool(labels[0] == labels[1])
    (True, True, False)
    """

    paper = replace(MAXL, place="section 4.1, beside the baselines there")

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, context: LabelerContext, *, embedding: str = "pca", dims: int = 50, n_init: int = 10
    ) -> "Clusters":
        """Cluster the training rows.

        Args:
            context: The training rows.
            embedding: "pca", "pixels" or "random_trunk".
            dims: Number of principal components, for "pca".
            n_init: Number of starts.
        """
        check_main(context)
        points = fit_embedding(context, embedding, dims).in_chunks(context.x.cpu()).double().numpy()

        def clustered(primary: int, rows: Tensor, size: int) -> Tensor:
            seed = fork_seed(context.seed, f"clusters/{primary}")
            return cluster(points[rows.numpy()], size, n_init, seed)

        return cls.of_classes(context, clustered)


def cluster(points: np.ndarray, count: int, n_init: int, seed: int) -> Tensor:
    """The cluster of each point, int64 [N], below `count` and below the number of distinct points."""
    count = min(count, len(np.unique(points, axis=0)))
    if count <= 1:
        return torch.zeros(len(points), dtype=torch.int64)
    with threadpool_limits(1):
        means = KMeans(count, n_init=n_init, random_state=seed)  # pyright: ignore[reportArgumentType]
        found = means.fit_predict(points)
    return torch.from_numpy(found).long()
