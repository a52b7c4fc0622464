"""CamVid with few masks and auxiliaries made from the images themselves: the stand-in for NYUv2."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.api.auxiliary import Auxiliary
from auxin.models import build_network
from auxin.models.base import PrimaryNetwork
from auxin.studies.recipe import one_rate
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.training.reproducible import derive, generator

STAND_IN = (
    "CamVid (street scenes, 72 x 96, 11 classes) with two dense auxiliaries made from the images, edges and smoothed "
    "colour, in the place of NYUv2 with depth and surface normals; a small SegNet, minutes instead of 200 epochs."
)
NAMES = ("segmentation", "edges", "colour")
IGNORED, SIDE = 11, 9


@dataclass(frozen=True)
class CamvidPart:
    """Images as the network sees them, the pictures themselves, and the labels by task."""

    x: Tensor
    pictures: np.ndarray
    y: dict[str, Tensor]

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Rows as a batch for `Auxiliary`."""
        return {"x": self.x[rows], **{name: target[rows] for name, target in self.y.items()}}


@cache
def part(folder: Path, name: str) -> CamvidPart:
    """The rows of train, val or test."""
    with np.load(folder / f"camvid_{name}.npz", allow_pickle=False) as file:
        pictures, labels = file["images"], torch.from_numpy(file["labels"].astype(np.int64))
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    labels[labels == IGNORED] = -1
    y = {"segmentation": labels, "edges": edges(x), "colour": smoothed(x)}
    return CamvidPart((x - 0.4) / 0.27, pictures, y)


def edges(x: Tensor) -> Tensor:
    """The norm of the brightness gradient by Sobel filters, [B, H, W], standardised."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    bright = F.pad(x.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    length = F.conv2d(bright, torch.stack([kernel, kernel.T]).unsqueeze(1)).norm(dim=1)
    return (length - length.mean()) / length.std()


def smoothed(x: Tensor) -> Tensor:
    """The colours averaged over squares of 9 x 9, [B, 3, H, W], standardised."""
    half = SIDE // 2
    soft = F.avg_pool2d(F.pad(x, (half, half, half, half), mode="replicate"), SIDE, stride=1)
    return (soft - soft.mean()) / soft.std()


def tasks() -> dict[str, Any]:
    """The main task and the two auxiliaries, whose targets are standardised already."""
    return {
        "segmentation": DenseClasses("segmentation", 11),
        "edges": DenseRegression("edges", 1),
        "colour": DenseRegression("colour", 3),
    }


@dataclass
class TrainedSegmenter:
    """A network after training with a learned combiner."""

    network: PrimaryNetwork
    aux: Auxiliary
    miou: float


def train(
    folder: Path,
    combiner: str,
    seed: int,
    steps: int,
    every: int = 5,
    look: Callable[[Auxiliary], None] = lambda _: None,
    meta_lr: float = 0.02,
    rows: int = 100,
) -> TrainedSegmenter:
    """Train a small SegNet on few masks, the combiner by the look-ahead on held-out ones.

    Args:
        folder: Folder of CamVid.
        combiner: Name of the combiner.
        seed: Seed of rows, weights and batches.
        steps: inner steps, Adam 2e-3, batches of 8.
        every: Steps per meta step.
        look: Function that receives the combination after every meta step (and before the first).
        meta_lr: Adam's rate for phi.
        rows: Training images with masks; a tenth of them is the auxiliary set.
    """
    data, draw = part(folder, "train"), generator(seed, "camvid")
    order = torch.randperm(len(data.x), generator=draw)[:rows]
    held_out, own = order[: rows // 10], order[rows // 10 :]
    network = build_network(
        "segnet", (3, 72, 96), tasks(), derive(seed, "network"), channel_width=8, levels=3
    )
    torch.manual_seed(derive(seed, "combiner"))
    aux = Auxiliary(network, main="segmentation", tasks=tasks(), combiner=combiner, every=every, lr=meta_lr)
    one_rate(aux.meta.optimizer, meta_lr)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    look(aux)
    for _ in range(steps):
        batch = data.batch(own[torch.randint(len(own), (8,), generator=draw)])
        loss = aux(network(batch["x"]), batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        meta = data.batch(held_out[torch.randint(len(held_out), (8,), generator=draw)])
        if aux.after_step(optimizer, meta) is not None:
            look(aux)
    return TrainedSegmenter(network, aux, _miou(network, part(folder, "val")))


@torch.no_grad()
def _miou(network: PrimaryNetwork, data: CamvidPart) -> float:
    network.eval()
    found = torch.cat([network(x)["segmentation"] for x in data.x.split(16)])
    return tasks()["segmentation"].score(found, data.y["segmentation"], "miou")
