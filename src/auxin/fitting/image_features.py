"""Features of images that need no labels: responses to whitened patches, and histograms of the edges' directions.

Coates, Lee, Ng 2011, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning" (AISTATS): every patch of
an image is normalised, whitened and compared with patches of the training images; the responses, both signs apart and
beyond a threshold, are averaged over the quarters of the image. Departures: the filters are random patches and not
centres of k-means (Coates and Ng 2011, "The Importance of Encoding Versus Training with Sparse Coding and Vector
Quantization", section 4, finds the encoding to matter more), there are few of them, for few labels, and every second
patch along each side is compared.

Dalal and Triggs 2005, "Histograms of Oriented Gradients for Human Detection" (CVPR): the gradients' directions,
weighted by their lengths, in cells; four neighbouring cells are normalised together, clipped at 0.2 and normalised
again.

The features of a photograph are the mean of its own and of its mirror image's, so that no model can tell the two apart.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.fitting.convnet import Pixels
from auxin.fitting.rows import Rows

FILTERS, PATCH, STRIDE = 100, 6, 2
"""Patches that are filters, their side, and the step from one compared patch to the next."""
BEYOND = 0.25
"""Threshold of a response."""
DRAWN, IMAGES = 20_000, 1000
"""Patches by which the whitening is found, and images that they are drawn from, at most."""
FLAT, SMALL = 1.5e-3, 0.1
"""Added to the variance of a patch, for pixels of spread 1, and to the eigenvalues of the whitened ones."""
CELLS, DIRECTIONS, MOST = 4, 9, 0.2
"""Cells along each side, directions in each, and the clip of a normalised histogram."""
LEAST, TINY = 1e-3, 1e-12
SMALLEST = 12
"""Images with a shorter side have no room for these features."""
AT_ONCE = 100
"""Images that are described at once."""


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """Images to features, learned from images alone.

    Attributes:
        pixels: Vectors to images in one unit, large ones shrunk.
        filters: Whitened patches as filters that remove a patch's mean, [K, C, P, P].
        offset: What is added to a response, [K].
        mirrored: Whether an image and its mirror image count as the same.
        mean, scale: Units of the features, [D].
    """

    pixels: Pixels
    filters: Tensor
    offset: Tensor
    mirrored: bool
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, rows: Rows, seed: int = 0) -> "ImageFeatures":
        """Learn from all training rows; images in colour are mirrored, since letters and digits may not be."""
        draw = np.random.default_rng(seed)
        pixels = Pixels.fit(rows)
        images = pixels.transform(rows.x[draw.permutation(len(rows.x))[:IMAGES]])
        filters, offset = _filters(images, draw)
        mirrored, none = images.shape[1] > 1, torch.zeros(0)
        blocks = cls(pixels, filters, offset, mirrored, none, none).blocks(images)
        mean, scale = (torch.cat([part(block) for block in blocks]) for part in (_mean, _unit))
        return cls(pixels, filters, offset, mirrored, mean, scale)

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Features float32 [N, D] of vectors; the columns of either kind have mean 0 and variances that sum to 1/2."""
        return ((torch.cat(self.blocks(self.pixels.transform(x)), 1) - self.mean) / self.scale).numpy()

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """What is saved as tensors."""
        units = {"input mean": self.pixels.mean, "input std": self.pixels.std}
        return {
            "filters": self.filters, "offset": self.offset, "mean": self.mean, "scale": self.scale, **units
        }  # fmt: skip

    def blocks(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Both kinds of features, without a unit."""
        with torch.no_grad():
            parts = [self._both(part) for part in images.split(AT_ONCE)]
        return torch.cat([one for one, _ in parts]), torch.cat([two for _, two in parts])

    def _both(self, z: Tensor) -> tuple[Tensor, Tensor]:
        found = responses(z, self.filters, self.offset), edges(z)
        if self.mirrored:
            again = responses(z.flip(3), self.filters, self.offset), edges(z.flip(3))
            found = (found[0] + again[0]) / 2, (found[1] + again[1]) / 2
        return found


def _mean(block: Tensor) -> Tensor:
    return block.mean(0)


def _unit(block: Tensor) -> Tensor:
    """What columns [N, D] are divided by so that they count alike and their variances sum to 1/2."""
    std = block.std(0) if len(block) > 1 else torch.ones(block.shape[1])
    return (std + LEAST * std.mean() + TINY) * math.sqrt(2 * block.shape[1])


def _filters(images: Tensor, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Random whitened patches as filters for patches that are not whitened, and what is added to their responses."""
    count, _, height, width = images.shape
    side = min(PATCH, height, width)
    n, top, left = (draw.integers(most, size=DRAWN) for most in (count, height - side + 1, width - side + 1))
    along = np.arange(side)
    index = n[:, None, None], (top[:, None] + along)[:, :, None], (left[:, None] + along)[:, None]
    patches = images.permute(0, 2, 3, 1)[index].permute(0, 3, 1, 2).flatten(1)
    patches = patches - patches.mean(1, keepdim=True)
    patches = patches / (patches.square().mean(1, keepdim=True) + FLAT).sqrt()
    centred = patches - patches.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / DRAWN)
    whiten = vectors @ ((values.clamp(min=0) + SMALL).rsqrt()[:, None] * vectors.T)
    weight = F.normalize(centred[draw.permutation(DRAWN)[:FILTERS]] @ whiten, dim=1) @ whiten
    offset = -weight @ patches.mean(0)
    weight = weight - weight.mean(1, keepdim=True)
    return weight.view(-1, images.shape[1], side, side), offset


def responses(z: Tensor, filters: Tensor, offset: Tensor) -> Tensor:
    """Responses of both signs beyond the threshold, averaged over quarters of the image, [N, 8 K].

    With p a patch, m its mean, s its standard deviation, W the whitening and d a filter, a response is
    d.W ((p - m) / s - mean), which is a convolution of the image, divided by s, and a constant.
    """
    side = filters.shape[-1]
    mean = F.avg_pool2d(z.mean(1, keepdim=True), side, STRIDE)
    square = F.avg_pool2d(z.square().mean(1, keepdim=True), side, STRIDE)
    spread = ((square - mean.square()).clamp(min=0) + FLAT).sqrt()
    found = F.conv2d(z, filters, stride=STRIDE) / spread + offset.view(1, -1, 1, 1)
    signs = torch.cat([(found - BEYOND).relu(), (-found - BEYOND).relu()], 1)
    return F.adaptive_avg_pool2d(signs, 2).flatten(1)


def edges(z: Tensor) -> Tensor:
    """Histograms of the directions of edges, of blocks of 2 x 2 cells, [N, 324].

    >>> upright = torch.zeros(1, 1, 16, 16)
    >>> upright[..., 8:] = 1.0
    >>> edges(upright)[0, :36].view(9, 4).sum(1).gt(0).nonzero().flatten().tolist()  # across, by the first direction
    [0]
    """
    wide = F.pad(z, (1, 1, 1, 1), mode="replicate")
    dx = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
    dy = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    length = (dx.square() + dy.square()).sqrt()
    strongest = length.argmax(1, keepdim=True)
    length, dx, dy = (part.gather(1, strongest) for part in (length, dx, dy))
    angle = (dy / torch.where(dx == 0, TINY, dx)).atan()
    place = torch.where(angle < 0, angle + torch.pi, angle) * (DIRECTIONS / torch.pi)
    far = (place - torch.arange(DIRECTIONS).view(1, -1, 1, 1)).abs()
    near = (1 - torch.minimum(far, DIRECTIONS - far)).relu()
    cells = F.adaptive_avg_pool2d(near * length, CELLS)
    blocks = [cells[:, :, row : row + 2, column : column + 2].flatten(1) for row, column in CORNERS]
    return torch.cat([_unit_length(_unit_length(block).clamp(max=MOST)) for block in blocks], 1)


CORNERS = tuple((row, column) for row in range(CELLS - 1) for column in range(CELLS - 1))
"""The first cell of every block."""


def _unit_length(block: Tensor) -> Tensor:
    return block / (block.norm(dim=1, keepdim=True) + LEAST)
