"""Trained networks of MAXL and its controls, for the figures that show their features and labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.data import Dataset, Splits, load, make_splits
from auxin.methods import resolve
from auxin.methods.base import Setting
from auxin.runs.build import PreparedRun, build
from auxin.runs.rows import grouped
from auxin.runs.settings import layered
from auxin.training.loop import EpochCallbacks, fit

COMPRESSED: Mapping[str, Setting] = {
    "epochs": 8,
    "lr": 0.25,
    "halve_every": 2,
    "average": 1,
    "meta_weight_decay": 0.0125,
}
"""MAXL's 200 epochs in 8: for small steps, k epochs at rate r are equivalent to one epoch at rate k r."""
SMOKE: Mapping[str, Setting] = {"epochs": 1, "batch": 20, "model": "conv4", "model.channel_width": 4}
FULL: Mapping[str, Setting] = {"model.channel_width": 8}
"""VGG-16 with 8 instead of 64 maps in its first block."""
SMALL: Mapping[str, Setting] = {"model": "conv4", "model.channel_width": 8}
"""The network of the variants called small, which see `SMALL_SHARE` of the training rows."""
SMALL_SHARE = 0.15


@dataclass(frozen=True)
class TrainedLabeler:
    """The networks of a run: before training as `prepare` returns them, afterwards once `train` was called.

    Attributes:
        built: The networks.
        dataset: Data.
        splits: Roles of the rows.
    """

    built: PreparedRun
    dataset: Dataset
    splits: Splits

    def train(self) -> None:
        """Train them."""
        fit(self.built.state, self.built.plan, EpochCallbacks())

    def features(self, rows: Tensor) -> Tensor:
        """The trunk's features of these rows, [N, D]."""
        trunk = self.built.network.get_submodule("trunk").eval()
        with torch.no_grad():
            return torch.cat([trunk(self.built.pool.batch(part).x) for part in rows.split(500)])

    def labels(self, rows: Tensor) -> Tensor:
        """The labels that the labeler gives to these rows, [N, K]."""
        labeler = self.built.labeler
        assert labeler is not None
        with torch.no_grad():
            return torch.cat([labeler(self.built.pool.batch(part)) for part in rows.split(500)])

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        splits: Splits,
        method: str,
        preset: str,
        user: Mapping[str, Setting],
        seed: int,
    ) -> "TrainedLabeler":
        """The networks of a method before training, with a preset's settings and the user's."""
        chosen = resolve(method)
        settings = layered(dataset.name, dataset.modality, chosen, preset, user, {})
        return cls(build(dataset, splits, chosen, settings, seed), dataset, splits)


def prepare(
    name: str,
    folder: Path,
    method: str,
    seed: int,
    user: Mapping[str, Setting],
    smoke: bool,
    fraction: float | None = None,
    **options: str,
) -> TrainedLabeler:
    """The networks of a method before training, with MAXL's protocol, compressed.

    Args:
        name: Name of the data set.
        folder: Folder of its files.
        method: The method's name.
        seed: Seed of networks and batches.
        user: Settings of this figure.
        smoke: The tiny run.
        fraction: Share of the training rows; None: all.
        **options: The data set's.
    """
    dataset = grouped(load(name, folder, **options))
    splits = make_splits(dataset, seed=seed, validation=0.0, fraction=None if smoke else fraction)
    own = {"labeler.entropy": 5.0} if resolve(method).labeler == "maxl" else {}
    flat = {**COMPRESSED, **own, **user, **(SMOKE if smoke else {})}
    return TrainedLabeler.of(dataset, splits, method, "maxl", flat, seed)


def own_labels(labels: Tensor, main: Tensor, psi: int) -> Tensor:
    """The labels among the auxiliary classes of each row's primary class, [N, psi]."""
    return labels.reshape(len(labels), -1, psi)[torch.arange(len(labels)), main]


def entropy(labels: Tensor) -> float:
    """The mean entropy of labels [N, psi] over that of uniform ones."""
    return float(-torch.special.xlogy(labels, labels).sum(1).mean() / np.log(labels.shape[1]))
