"""Soft labels of one main class in the plane, by t-SNE."""

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from torch import Tensor

from auxin.errors import ConfigError

FEWEST = 10


def label_map(labels: Tensor, seed: int = 0, perplexity: float = 30.0) -> NDArray[np.float64]:
    """t-SNE of the soft labels of one main class's samples (Navon et al. 2021, figure 4).

    Args:
        labels: The classes that the main class owns, [N, psi]; no missing rows.
        seed: Seed of the initial places.
        perplexity: As scikit-learn's, at most a third of the rows.

    Returns:
        [N, 2].

    Raises:
        ConfigError: There are fewer than ten rows.
    """
    if len(labels) < FEWEST:
        raise ConfigError("Too few labels to map", expected=f"at least {FEWEST}", found=str(len(labels)))
    own = labels.detach().double().cpu().numpy()
    used = min(perplexity, (len(own) - 1) / 3)
    made = TSNE(2, perplexity=used, random_state=seed, init="random", learning_rate="auto", n_jobs=1)
    return made.fit_transform(own).astype(np.float64)
