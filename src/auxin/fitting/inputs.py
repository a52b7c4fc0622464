"""Vectors as the networks take them: gaps filled, one unit, outliers drawn in, wide inputs by main components."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from auxin.fitting.rows import Rows
from auxin.math.sparse import SparseRows, at_once
from auxin.rivals import InputShape, Vectors

WIDEST = 128
"""More columns than this are replaced by their first main components."""
COMPONENTS = 64
SOFT = 3.0
"""A value z beyond a few spreads is drawn in: z / sqrt(1 + (z / SOFT)^2)."""
FEW = 4
"""The variance of words, and of categories beside them, is at least that of so many numbers."""
ENOUGH = 2000
"""Rows that the components are found on, at most."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is learned from all training rows, labelled or not.

    Attributes:
        mean, std: Mean and standard deviation of each column, [D].
        length: Whether each row is first given length 1 (word counts).
        basis: The main components, [D, C], or None.
        scale: Scale of each component, [C].
    """

    mean: Tensor
    std: Tensor
    length: bool = False
    basis: Tensor | None = None
    scale: Tensor | None = None

    @classmethod
    def fit(cls, rows: Rows) -> "Inputs":
        """Learn it from every training row."""
        shape = rows.shape
        length = shape.sparse and not shape.dense and not shape.flags
        if issparse(rows.x):
            return cls._compressed(rows.x, shape, length)
        x = torch.from_numpy(np.asarray(rows.x, dtype=np.float32))
        if length:
            x = _length_one(x)
        mean = x.nanmean(0).nan_to_num()
        gap = x.isnan()
        filled = torch.where(gap, mean, x)
        std = filled.std(0) if len(filled) > 1 else torch.ones_like(mean)
        std = torch.where(std > 1e-8, std, torch.ones_like(std))
        if rows.described:
            return cls(mean, std.square().mean().sqrt().expand_as(std).clone())
        if x.shape[1] <= WIDEST:
            return cls(mean, std, length)
        unit = std.square().mean().sqrt().expand_as(std) if length or rows.image else std
        if shape.sparse and not length:
            unit = _units(std, shape)
        z = (filled - mean) / unit
        part = z[torch.randperm(len(z), generator=torch.Generator().manual_seed(0))[:ENOUGH]]
        count = min(COMPONENTS, len(part) - 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            _, _, basis = torch.pca_lowrank(part, q=count, center=False, niter=3)
        spread = (z @ basis).std(0).clamp(min=1e-6)
        return cls(mean, unit.clone(), length, basis, (spread * spread[0]).sqrt())

    @classmethod
    def _compressed(cls, x: Any, shape: InputShape, length: bool) -> "Inputs":
        """The same of rows that are kept sparse: components of as many rows as are dense at once."""
        known = x.shape[0] - np.bincount(x.indices[np.isnan(x.data)], minlength=x.shape[1])
        sums = np.asarray(_filled(x, length).sum(0, dtype=np.float64)).ravel()
        rows = SparseRows(_filled(x, length, sums / np.maximum(known, 1)))
        mean, std, _ = rows.moments(None)
        mean, std = mean.float(), torch.where(std > 1e-8, std, torch.ones_like(std)).float()
        unit = std.square().mean().sqrt().expand_as(std) if length else _units(std, shape)
        draw = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
        part = (rows[draw[: at_once(rows.shape[1], ENOUGH)]] - mean) / unit
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            _, _, basis = torch.pca_lowrank(part, q=min(COMPONENTS, len(part) - 1), center=False, niter=3)
        found = cls(mean, unit.clone(), length, basis, torch.ones(basis.shape[1]))
        spread = found._components(rows.matrix).std(0).clamp(min=1e-6)
        return replace(found, scale=(spread * spread[0]).sqrt())

    def _components(self, x: Any) -> Tensor:
        """Rows that are kept sparse, without gaps, in components that have no unit yet."""
        assert self.basis is not None
        weight = self.basis / self.std[:, None]
        return torch.from_numpy(x @ weight.numpy()).float() - self.mean @ weight

    def transform(self, x: Vectors) -> Tensor:
        """[N, D], NaN where missing, to [N, P]."""
        if issparse(x) and self.scale is not None:
            z = self._components(_filled(x, self.length, self.mean.numpy())) / self.scale
            return z / (1 + (z / SOFT).square()).sqrt()
        z = torch.from_numpy(np.asarray(x, dtype=np.float32))
        if self.length:
            z = _length_one(z)
        z = (torch.where(z.isnan(), self.mean, z) - self.mean) / self.std
        if self.basis is not None and self.scale is not None:
            z = (z.double() @ self.basis.double()).float() / self.scale
        return z / (1 + (z / SOFT).square()).sqrt()


def _units(std: Tensor, shape: InputShape) -> Tensor:
    """The unit of each column beside text: words together vary as much as all numbers, and so do all categories."""
    unit, numbers, flags = std.clone(), list(shape.dense or ()), list(shape.flags)
    words = sorted(set(range(len(std))) - {*numbers, *flags})
    for block in (words, flags):
        if block:
            unit[block] = std[block].square().sum().div(max(len(numbers), FEW)).sqrt()
    return unit


def _filled(x: Any, length: bool, mean: np.ndarray | None = None) -> Any:
    """Rows that are kept sparse, of length 1 where asked; a missing number is the column's mean, or 0 without means."""
    gone = np.isnan(x.data)
    filled = type(x)((np.where(gone, 0, x.data), x.indices, x.indptr), shape=x.shape)
    if length:
        norm = np.sqrt(np.asarray(filled.multiply(filled).sum(1))).ravel().clip(1e-8)
        filled.data = filled.data / np.repeat(norm, np.diff(x.indptr))
    filled.data = filled.data.astype(np.float32)
    if mean is not None and gone.any():
        filled.data[gone] = mean[x.indices[gone]]
    return filled


def _length_one(x: Tensor) -> Tensor:
    return x / x.nan_to_num().norm(dim=1, keepdim=True).clamp(min=1e-8)
