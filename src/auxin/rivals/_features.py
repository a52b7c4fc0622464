"""A pretrained model's features as a scikit-learn transformer."""

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin

from auxin.models.pretrained import Pretrained

ROWS = 64
"""Rows that the model sees at once."""


class PretrainedFeatures(TransformerMixin, BaseEstimator):
    """Flattened images to the features of a local folder of `transformers` (`auxin.models.pretrained`).

    Args:
        folder: What `save_pretrained` wrote.
        image: (C, H, W) of the images, whose pixels are 0 to 255.
    """

    def __init__(self, folder: str = "", image: Any = ()) -> None:
        self.folder, self.image = folder, image

    def fit(self, x: np.ndarray, y: Any = None) -> "PretrainedFeatures":
        """The channels' means and spreads over these images."""
        pixels = torch.as_tensor(x, dtype=torch.float32).reshape(-1, *self.image)
        self.mean_ = pixels.mean((0, 2, 3)).tolist()
        self.std_ = pixels.std((0, 2, 3)).clamp(min=1e-6).tolist()
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Features, [N, width]."""
        trunk = Pretrained(tuple(self.image), path=self.folder).eval()
        view = (1, -1, 1, 1)
        mean, std = torch.tensor(self.mean_).view(view), torch.tensor(self.std_).view(view)
        pixels = torch.as_tensor(x, dtype=torch.float32).reshape(-1, *self.image)
        with torch.no_grad():
            found = [trunk((part - mean) / std) for part in pixels.split(ROWS)]
        return torch.cat(found).numpy()
