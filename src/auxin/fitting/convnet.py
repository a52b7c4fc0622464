"""A small convolutional network for images: random views, auxiliary heads, FixMatch on rows without a main label."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.consistency.fixmatch import FixMatch
from auxin.fitting.candidates import Member
from auxin.fitting.rows import Rows
from auxin.fitting.scores import pooled
from auxin.models.conv4 import Conv4
from auxin.optimizers import spare_compiler
from auxin.rivals import Options
from auxin.tasks.base import Task
from auxin.views import View, compose

WIDTH, DEEPEST = 32, 4
SIDE = 32
"""Images with a longer side are shrunk by a whole factor to this side or less; a rest at the border is dropped."""
LABELLED, OTHERS = 32, 64
"""Rows per step with a main label, and rows of all kinds for the auxiliary tasks and the consistency."""
WEAK = "affine:0.75"
WARM = 20
"""Steps over which the rate rises."""
MOMENTUM, DECAY, CLIP = 0.9, 5e-4, 2.0
AT_ONCE = 500
"""Rows that the network sees at once when it predicts."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Vectors to images as the network takes them: shrunk, each channel with mean 0 and spread 1.

    Attributes:
        image: (C, H, W) of a stored image.
        factor: By which both sides are shrunk, a mean over squares.
        mean, std: Mean and standard deviation of each channel, [C].
    """

    image: tuple[int, int, int]
    factor: int
    mean: Tensor
    std: Tensor

    @classmethod
    def fit(cls, rows: Rows) -> "Pixels":
        """Learn the units from every training row."""
        assert rows.image is not None
        channels, height, width = rows.image
        factor = cls.factor_of(rows.image)
        found = cls((channels, height, width), factor, torch.zeros(channels), torch.ones(channels))
        x = found.transform(rows.x)
        mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
        return cls(found.image, factor, mean, torch.where(std > 1e-8, std, torch.ones_like(std)))

    @staticmethod
    def factor_of(image: Sequence[int]) -> int:
        """By which whole factor images (C, H, W) are shrunk.

        >>> [Pixels.factor_of((3, side, side)) for side in (28, 32, 33, 224)]
        [1, 1, 2, 7]
        """
        return math.ceil(max(image[1:]) / SIDE)

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of a shrunk image."""
        return self.image[1] // self.factor, self.image[2] // self.factor

    def transform(self, x: np.ndarray) -> Tensor:
        """[N, D] to [N, C, H', W']."""
        z = torch.from_numpy(np.asarray(x, dtype=np.float32)).reshape(-1, *self.image)
        if self.factor > 1:
            z = F.avg_pool2d(z, self.factor)
        return (z - self.mean.view(1, -1, 1, 1)) / self.std.view(1, -1, 1, 1)


class SmallConvNet(nn.Module):
    """A trunk of convolutions and one linear head per task.

    Args:
        shape: Shape of an image, (C, H, W).
        widths: numbers that each task's head puts out, by name; names hold no dot.
    """

    def __init__(self, shape: Sequence[int], widths: Mapping[str, int]) -> None:
        super().__init__()
        self.trunk = Conv4.build(tuple(shape), channel_width=WIDTH, depth=depth_of(shape))
        self.heads = nn.ModuleDict(
            {name: nn.Linear(self.trunk.width, width) for name, width in widths.items()}
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Images to every head's outputs, [B, width]."""
        features = self.trunk(x)
        return {name: head(features) for name, head in self.heads.items()}


def depth_of(shape: Sequence[int]) -> int:
    """How many layers: each halves the image, and at least two positions are left along its shorter side.

    >>> [depth_of((1, side, side)) for side in (2, 8, 14, 16, 32)]
    [1, 2, 2, 3, 4]
    """
    return max(1, min(DEEPEST, int(math.log2(max(min(shape[1:]), 1))) - 1))


@dataclass(frozen=True, eq=False)
class ConvTraining:
    """What one network learns from.

    Attributes:
        rows: The training rows.
        x: Their images as the network takes them.
        kept: The rows whose main label it may see.
        others: The rows that it may see without a main label.
        weights: How much each row's main label counts, [N].
        options: `rate`; `consistency`, the weight of FixMatch; `auxiliary`, the weight of the auxiliary tasks' mean
            loss; `flip`, whether views are mirrored.
        steps: Number of steps.
        seed: Seed of weights, batches and views.
    """

    rows: Rows
    x: Tensor
    kept: np.ndarray
    others: np.ndarray
    weights: Tensor
    options: Options
    steps: int
    seed: int


def train_convnet(lesson: ConvTraining) -> dict[str, Tensor]:
    """Train by SGD with momentum and clipping, at a rate that rises and then falls as a cosine, to the last step.

    A training whose loss stops being finite is done again at a third of its rate.

    Returns:
        The convolutions' weights with the normalisation folded in, and the main head's, for `outputs_of_images`.
    """
    network, finite = _train(lesson, 1.0)
    if not finite:
        network, _ = _train(lesson, 1 / 3)
    return _folded(network)


def _train(lesson: ConvTraining, factor: float) -> tuple[SmallConvNet, bool]:
    rows, x, options = lesson.rows, lesson.x, lesson.options
    rate = factor * float(options["rate"])
    consistency, auxiliary = float(options.get("consistency", 0.0)), float(options.get("auxiliary", 0.0))
    generator = torch.Generator().manual_seed(lesson.seed)
    weak, strong = _views(x, bool(options.get("flip", False)))
    taught = {n: (task, y) for n, (task, y) in rows.auxiliaries.items() if auxiliary and not task.dense}
    keys = {name: f"auxiliary {number}" for number, name in enumerate(taught)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        widths = {"main": rows.task.width} | {keys[name]: task.width for name, (task, _) in taught.items()}
        network = SmallConvNet(x.shape[1:], widths)
    spare_compiler()
    optimizer = torch.optim.SGD(network.parameters(), rate, MOMENTUM, weight_decay=DECAY, nesterov=True)
    confident = FixMatch(rows.task.width).task if consistency else None
    labelled = _draws(torch.from_numpy(lesson.kept), LABELLED, generator)
    allowed = torch.from_numpy(np.concatenate([lesson.kept, lesson.others]))
    others = _draws(allowed, OTHERS, generator) if taught or confident is not None else None
    loss = torch.zeros(())
    for step in range(lesson.steps):
        optimizer.param_groups[0]["lr"] = rate * _rate_share(step, lesson.steps)
        main = next(labelled)
        other = next(others) if others is not None else main[:0]
        seen = torch.cat([main, other])
        views = [weak(x[seen], generator)]
        if confident is not None:
            views.append(strong(x[other], generator))
        outputs = network(torch.cat(views))
        weights = lesson.weights[main]
        loss = (weights * rows.task.loss(outputs["main"][: len(main)], rows.y[main])).sum() / weights.sum()
        if confident is not None:
            pairs = torch.full((len(outputs["main"]),), -1)
            pairs[len(seen) :] = torch.arange(len(main), len(seen))
            loss = loss + consistency * confident.loss(outputs["main"], pairs).sum() / len(other)
        for name, (task, y) in taught.items():
            loss = loss + auxiliary / len(taught) * _mean_loss(
                task, outputs[keys[name]][: len(seen)], y[seen]
            )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
    return network.eval(), bool(torch.isfinite(loss)) and all(
        bool(p.isfinite().all()) for p in network.parameters()
    )


def _views(x: Tensor, flip: bool) -> tuple[View, View]:
    """The weak and the strong view; an empty pixel is the darkest grey, or the mean colour."""
    shape = tuple(x.shape[1:])
    fill = x.amin((0, 2, 3)) if shape[0] == 1 else torch.zeros(shape[0])
    mirrored = "+flip" if flip else ""
    return compose(WEAK + mirrored, shape, fill), compose("auto", shape, fill)


def _draws(rows: Tensor, count: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of `count` rows, or of all where there are fewer, every row once before any row twice."""
    count = min(count, len(rows))
    while True:
        order = rows[torch.randperm(len(rows), generator=generator)]
        yield from order[: len(order) // count * count].split(count)


def _rate_share(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / WARM) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _mean_loss(task: Task, outputs: Tensor, y: Tensor) -> Tensor:
    """The mean loss of the rows that have the label; zero where none has."""
    present = task.present(y)
    return task.loss(outputs, y).sum() / present.sum().clamp(min=1)


def _folded(network: SmallConvNet) -> dict[str, Tensor]:
    """Weights with each normalisation folded into the convolution before it.

    w' = w g / s and b' = b - m g / s, for the normalisation g (z - m) / s + b with s = sqrt(v + eps).
    """
    found: dict[str, Tensor] = {}
    layers = list(network.trunk.layers)
    convolutions = [(conv, norm) for conv, norm in pairwise(layers) if isinstance(conv, nn.Conv2d)]
    for number, (conv, norm) in enumerate(convolutions):
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        found[f"{number}.weight"] = (conv.weight * scale.view(-1, 1, 1, 1)).detach().clone()
        found[f"{number}.bias"] = (norm.bias - norm.running_mean * scale).detach().clone()
    head = network.heads["main"]
    assert isinstance(head, nn.Linear)
    found["head.weight"], found["head.bias"] = head.weight.detach().clone(), head.bias.detach().clone()
    return found


def outputs_of_images(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """The main head's outputs, [N, width]: convolutions with ReLU, each halved where both sides allow it; a line."""
    for number in range(layers_of(weights)):
        x = F.relu(F.conv2d(x, weights[f"{number}.weight"], weights[f"{number}.bias"], padding=1))
        if min(x.shape[2:]) >= 2:
            x = F.max_pool2d(x, 2)
    return F.linear(x.flatten(1), weights["head.weight"], weights["head.bias"])


def layers_of(weights: Mapping[str, Tensor]) -> int:
    """How many convolutions there are."""
    return sum(name.endswith(".weight") for name in weights) - 1


@dataclass(frozen=True, eq=False)
class ConvMember(Member):
    """Convolutional networks of one kind, averaged.

    Attributes:
        task: The main task.
        pixels: vectors to what the networks take.
        weights: Weights of each network, by name.
    """

    task: Task
    pixels: Pixels
    weights: tuple[Mapping[str, Tensor], ...]

    def outputs(self, x: np.ndarray) -> Tensor:
        """The outputs whose probabilities or values are the networks' mean."""
        parts = [x[start : start + AT_ONCE] for start in range(0, max(len(x), 1), AT_ONCE)]
        with torch.no_grad():
            found = [
                [outputs_of_images(w, self.pixels.transform(part)) for w in self.weights] for part in parts
            ]
        each = [torch.cat(one).double() for one in zip(*found, strict=True)]
        return pooled(self.task, each)
