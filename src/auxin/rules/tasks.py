"""Tasks to meta-train on: unlabelled pools and few-shot draws for T base networks at a time.

A task family is a function of a generator that gives examples of some classes; procedural families need no data.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True, eq=False)
class TaskExamples:
    """The examples of one task: x [classes, per class, D] float, extra targets [classes, per class, A]."""

    x: Tensor
    extra: Tensor


TaskFamily = Callable[[torch.Generator, int, int, int], TaskExamples]
"""(generator, classes, examples per class, image side) -> examples; D is side * side for every procedural family."""


@dataclass(frozen=True, slots=True, eq=False)
class FewShot:
    """Support and query inputs [T, n, D], and their targets [T, n, classes + extra], centred and of unit scale."""

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class TaskGroup:
    """T tasks of one shape. The last `held` examples of every class are for few-shot draws, the others unlabelled.

    Attributes:
        x: [T, classes, per class, D].
        extra: [T, classes, per class, A], further regression targets (the augmentation's parameters).
        held: examples per class kept for the labelled draws.
        ways: labelled draws are of this many classes, the first; the others are unlabelled only. 0: of all.
    """

    x: Tensor
    extra: Tensor
    held: int
    ways: int = 0

    @property
    def classes(self) -> int:
        """Classes per labelled draw."""
        return self.ways or self.x.shape[1]

    def to(self, device: torch.device | str) -> "TaskGroup":
        """The same tasks on another device."""
        return TaskGroup(self.x.to(device), self.extra.to(device), self.held, self.ways)

    def unlabelled(self, size: int, generator: torch.Generator) -> Tensor:
        """A batch of unlabelled inputs per task, [T, size, D], drawn without replacement within a batch."""
        pool = self.x[:, :, : self.x.shape[2] - self.held].flatten(1, 2)
        rows = torch.stack([torch.randperm(pool.shape[1], generator=generator)[:size] for _ in self.x])
        return pool[torch.arange(len(pool))[:, None], rows.to(pool.device)]

    def few_shot(self, shots: int, generator: torch.Generator) -> FewShot:
        """`shots` examples per class for support and as many for query, per task.

        Raises:
            ConfigError: Fewer than 2 * shots labelled examples per class.
        """
        if 2 * shots > self.held:
            raise ConfigError(
                "Too few labelled examples per class", expected=f"{2 * shots}", found=str(self.held)
            )
        tasks, classes = self.x.shape[0], self.classes
        keys = torch.rand(tasks, classes, self.held, generator=generator)
        rows = (keys.argsort(-1)[..., : 2 * shots] + self.x.shape[2] - self.held).to(self.x.device)
        x = self.x[:, :classes].gather(2, rows[..., None].expand(-1, -1, -1, self.x.shape[3]))
        extra = self.extra[:, :classes].gather(2, rows[..., None].expand(-1, -1, -1, self.extra.shape[3]))
        y = torch.eye(classes, device=x.device)[None, :, None].expand(tasks, -1, 2 * shots, -1)
        both = torch.cat([y, extra], -1)
        halves = [(a[:, :, :shots].flatten(1, 2), a[:, :, shots:].flatten(1, 2)) for a in (x, both)]
        (sx, qx), (sy, qy) = halves
        targets = centred_targets(torch.cat([sy, qy], 1))
        return FewShot(sx, targets[:, : sy.shape[1]], qx, targets[:, sy.shape[1] :])


def centred_targets(y: Tensor) -> Tensor:
    """Targets [T, n, classes] minus the mean of all entries, over the root mean squared row norm."""
    y = y - y.mean((1, 2), keepdim=True)
    return y / y.square().sum(-1, keepdim=True).mean(1, keepdim=True).sqrt()


def uniform(generator: torch.Generator, low: float, high: float) -> float:
    """One number between low and high."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def log_uniform(generator: torch.Generator, low: float, high: float) -> float:
    """One number whose logarithm is uniform between those of low and high."""
    return math.exp(uniform(generator, math.log(low), math.log(high)))


def choice(generator: torch.Generator, count: int, weights: Tensor | None = None) -> int:
    """One of 0 .. count - 1."""
    chances = torch.ones(count) if weights is None else weights
    return int(torch.multinomial(chances, 1, generator=generator))


def grid(side: int) -> Tensor:
    """Pixel centres of a side x side image on [-1, 1]^2, [side * side, 2] (x, y)."""
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], -1)


def permuted(x: Tensor, generator: torch.Generator) -> Tensor:
    """The last axis in a random fixed order: no rule may use where a pixel is."""
    return x[..., torch.randperm(x.shape[-1], generator=generator)]


def moons(generator: torch.Generator, count: int, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    """Two interleaved half circles in the plane: inputs [count, 2] and labels [count]. The toy of the paper."""
    if count < 2:
        raise DataError("Two moons need points", expected="at least 2", found=str(count))
    y = torch.arange(count) % 2
    angle = torch.rand(count, generator=generator) * math.pi
    x = torch.stack([angle.cos(), angle.sin()], -1)
    other = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], -1)
    points = torch.where((y == 1)[:, None], other, x)
    return points + noise * torch.randn(count, 2, generator=generator), y
