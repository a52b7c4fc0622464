"""Tasks from any labelled array: class subsets of images (or rows), resized, cut, mirrored, turned and noised."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.errors import DataError
from auxin.rules.tasks import TaskExamples, choice, uniform


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFamily:
    """A task family over labelled images [N, C, H, W] in [0, 1], or rows [N, D].

    A task is some of the classes. Images become grey (a random mixture of the colours), are cut at random,
    resized to side x side, mirrored and noised per example; the shift is given as an extra target. Rows are
    used as they are; a random projection brings them to side * side columns where they have another number.

    Args:
        x: Inputs.
        y: Class labels, int64 [N].
        augment: Whether examples are moved, turned and noised.
    """

    x: Tensor
    y: Tensor
    augment: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot make a task."""
        if len(self.x) != len(self.y) or self.x.dim() not in (2, 4):
            raise DataError(
                "The array cannot make tasks",
                expected="inputs [N, C, H, W] or [N, D] and N labels",
                found=f"{tuple(self.x.shape)} and {tuple(self.y.shape)}",
            )
        if not torch.isfinite(self.x).all():
            raise DataError("The array has missing or infinite numbers", do="Fill or drop those rows.")
        if len(torch.unique(self.y)) < 2:
            raise DataError("The array has one class only", expected="at least 2 classes")

    def __call__(self, generator: torch.Generator, classes: int, count: int, side: int) -> TaskExamples:
        """Examples of some classes; a class is drawn again where the array has fewer than asked."""
        present = torch.unique(self.y)
        order = torch.randperm(len(present), generator=generator)
        chosen = present[order[torch.arange(classes) % len(present)]]
        rows = torch.stack([self._rows(int(c), count, generator) for c in chosen])
        if self.x.dim() == 2:
            return self._table(self.x[rows], side, generator)
        return self._images(self.x[rows], side, generator)

    def _rows(self, label: int, count: int, generator: torch.Generator) -> Tensor:
        own = torch.nonzero(self.y == label)[:, 0]
        order = torch.randperm(len(own), generator=generator)
        return own[order[torch.arange(count) % len(own)]]

    def _table(self, x: Tensor, side: int, generator: torch.Generator) -> TaskExamples:
        width = side * side
        if x.shape[-1] != width:
            x = x @ torch.randn(x.shape[-1], width, generator=generator) / x.shape[-1] ** 0.5
        return TaskExamples(x, x.new_zeros(*x.shape[:2], 0))

    def _images(self, x: Tensor, side: int, generator: torch.Generator) -> TaskExamples:
        classes, count, channels = x.shape[:3]
        mix = torch.rand(channels, generator=generator) + 0.1
        grey = (x.flatten(0, 1) * (mix / mix.sum())[:, None, None]).sum(1, keepdim=True)
        shift = grey.new_zeros(len(grey), 2)
        if self.augment:
            grey, shift = self._moved(grey, generator)
        small = F.adaptive_avg_pool2d(grey, side).flatten(1)
        if self.augment:
            small = small + uniform(generator, 0, 0.05) * torch.randn(small.shape, generator=generator)
        return TaskExamples(small.unflatten(0, (classes, count)), shift.unflatten(0, (classes, count)))

    def _moved(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if choice(generator, 2):
            x = torch.where(torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5, x.flip(-1), x)
        zoom = uniform(generator, 0.6, 1.0)
        reach = uniform(generator, 0.0, 0.15)
        angle = uniform(generator, 0.0, 0.25) * torch.randn(len(x), generator=generator)
        shift = reach * torch.randn(len(x), 2, generator=generator)
        c, s = zoom * angle.cos(), zoom * angle.sin()
        theta = torch.stack([torch.stack([c, -s, shift[:, 0]], -1), torch.stack([s, c, shift[:, 1]], -1)], 1)
        where = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, where, padding_mode="border", align_corners=False), shift
