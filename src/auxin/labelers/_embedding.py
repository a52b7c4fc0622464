"""A fixed embedding e(x) of the inputs, for the labelers that compare samples: pixels, PCA, or an untrained
trunk.

The paper embeds images with a network pre-trained on ImageNet, which is not available here, so which
embedding is used is always stated, and none of them sees a label.
"""

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.labelers._generator import initialise
from auxin.labelers._seeding import fork_seed, generator_of, seeded
from auxin.labelers.base import LabelerContext
from auxin.math.sparse import SparseRows, at_once

KINDS = ["pca", "pixels", "random_trunk"]
ROWS = 10_000
"""How many training rows an embedding is fitted on, at most."""
_CHUNK = 512


class Embedding(nn.Module):
    """e(x) = (body(x) - mean) A / scale: constant, differentiable in x, the same in training and evaluation.

    The scale makes the total variance over the training rows 1, so a temperature means the same everywhere.

    Args:
        body: Network from inputs to float [B, D].
        mean: Mean of the outputs of `body`, [D].
        axes: Matrix A, [D, d], or None for the identity.
        scale: Divisor of the embedding, a positive scalar tensor.
    """

    mean: Tensor
    axes: Tensor | None
    scale: Tensor

    def __init__(self, body: nn.Module, mean: Tensor, axes: Tensor | None, scale: Tensor) -> None:
        super().__init__()
        self.body = body.requires_grad_(False).eval()
        self.register_buffer("mean", mean)
        self.register_buffer("axes", axes)
        self.register_buffer("scale", scale)

    def train(self, mode: bool = True) -> "Embedding":
        """It has one mode only: evaluation."""
        del mode
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """The embedding, [B, d]."""
        centred = self.body(x) - self.mean
        return (centred if self.axes is None else centred @ self.axes) / self.scale

    def in_chunks(self, x: Tensor | SparseRows) -> Tensor:
        """The embedding of many rows, a few at a time, without a graph."""
        with torch.no_grad():
            return torch.cat([self(part) for part in x.split(_CHUNK)])


def fit_embedding(context: LabelerContext, kind: str, dims: int) -> Embedding:
    """The embedding of the training inputs, fitted on at most 10,000 of them, drawn by the seed.

    Args:
        context: The training rows; the inputs alone are used, of rows with and without a main label.
        kind: "pixels" (the normalised inputs as they are), "pca" (their first principal components) or
            "random_trunk" (the features of an untrained trunk).
        dims: d for "pca" (fewer where there are fewer rows or inputs).

    Raises:
        ConfigError: The kind is unknown, or d is not positive.
    """
    check_choice("embedding", kind, KINDS)
    if dims < 1:
        raise ConfigError("The embedding has no dimensions", expected="dims of at least 1", found=str(dims))
    if isinstance(context.x, SparseRows) and kind == "pixels":
        raise ConfigError("Inputs that are kept sparse are too many for this embedding", do="embedding=pca")
    raw = Embedding(_body(context, kind), torch.zeros(()), None, torch.ones(()))
    features = raw.in_chunks(context.x[_sampled_rows(context)].cpu())
    mean = features.mean(dim=0)
    axes = _axes(features, dims, context.seed) if kind == "pca" else None
    spread = (features - mean) if axes is None else (features - mean) @ axes
    scale = spread.square().sum(dim=1).mean().sqrt().clamp_min(torch.finfo(spread.dtype).tiny)
    return Embedding(raw.body, mean, axes, scale)


def _sampled_rows(context: LabelerContext) -> Tensor:
    """The positions of at most `ROWS` training rows, drawn by the seed."""
    order = torch.randperm(context.x.shape[0], generator=generator_of(context.seed, "embedding/rows"))
    most = at_once(context.x.shape[1], ROWS) if isinstance(context.x, SparseRows) else ROWS
    return order[:most].sort().values.to(context.x.device)


def _body(context: LabelerContext, kind: str) -> nn.Module:
    if kind != "random_trunk":
        return nn.Flatten()
    trunk = seeded(context.trunk, context.seed, "embedding/trunk")
    seeded(lambda: initialise(trunk, "default"), context.seed, "embedding/weights")
    return nn.Sequential(trunk.to(context.x.dtype), nn.Flatten())


def _axes(features: Tensor, dims: int, seed: int) -> Tensor:
    """The first principal components as columns, [D, d]."""
    pca = PCA(min(dims, *features.shape), random_state=fork_seed(seed, "embedding/pca")).fit(features.numpy())
    return torch.from_numpy(np.array(pca.components_).T.copy()).to(features.dtype)
