"""The bench a learned rule and its rivals are measured on: the same networks, batches and label draws for all."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.errors import DataError
from auxin.rules.data import RuleData

SCALES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
Mapped = Callable[[Tensor], Tensor]
"""Inputs [T, n, D] to features [T, n, F]."""


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One draw of labels per network: support and query rows [T, n] and their classes 0 .. ways - 1."""

    support: Tensor
    query: Tensor
    support_y: Tensor
    query_y: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class DrawScores:
    """Accuracy per network, [T], averaged over the test draws.

    Attributes:
        plain: features as they come, ridge penalty 0.1.
        tuned: features times the scale that was best on the validation draws (the same as tuning the penalty).
        scale: That scale.
        level: accuracy of every scale on the validation draws.
    """

    plain: Tensor
    tuned: Tensor
    scale: float
    level: dict[float, float]


class RuleBench:
    """Draws fixed by a seed.

    Args:
        data: The data set.
        nets: T, networks (each with its own order of the inputs).
        shots: labelled rows per class in support, and in query.
        draws: Label draws for the scores.
        validation: Further draws, which choose the scale of the features.
        batch: Rows per unlabelled batch.
        steps: unlabelled batches per network.
        seed: Seed of everything random here.
        permuted: Whether every network has its own order of the inputs, or all have the data's.

    Raises:
        DataError: A class has fewer than 2 * shots labelled rows, or the set fewer rows than a batch.
    """

    def __init__(
        self,
        data: RuleData,
        *,
        nets: int = 20,
        shots: int = 5,
        draws: int = 6,
        validation: int = 4,
        batch: int = 32,
        steps: int = 100,
        seed: int = 0,
        permuted: bool = True,
    ) -> None:
        self.data, self.nets, self.shots, self.batch = data, nets, shots, batch
        check_rows(data, shots, batch)
        self.generator = torch.Generator().manual_seed(seed)
        width = data.x.shape[1]
        self.order = torch.stack([torch.randperm(width, generator=self.generator) for _ in range(nets)])
        if not permuted:
            self.order = torch.arange(width).repeat(nets, 1)
        self.tests = [self._draw() for _ in range(draws)]
        self.validations = [self._draw() for _ in range(validation)]
        count = len(data.unlabelled)
        self.batches = torch.randint(count, (steps, nets, batch), generator=self.generator)

    def unlabelled(self, step: int) -> Tensor:
        """The batch of this step, [T, B, D]."""
        return self._permuted(self.data.unlabelled[self.batches[step % len(self.batches)]])

    def seen(self, net: int, steps: int) -> Tensor:
        """All rows that network `net` has seen after these steps, [steps * B, D], its order of inputs."""
        rows = self.batches[:steps, net].flatten()
        return self.data.unlabelled[rows][:, self.order[net]]

    def reference(self, count: int = 512) -> Tensor:
        """Unlabelled rows for inductive batch norm, [T, count, D]."""
        generator = torch.Generator().manual_seed(1)
        rows = torch.randint(len(self.data.unlabelled), (self.nets, count), generator=generator)
        return self._permuted(self.data.unlabelled[rows])

    def inputs(self, draw: Draw) -> Tensor:
        """Support and query rows, [T, 2n, D]."""
        return self._permuted(self.data.x[torch.cat([draw.support, draw.query], 1)])

    def score(self, mapped: Mapped, *, shuffled: bool = False) -> DrawScores:
        """How well ridge regression on the features does; `shuffled` breaks the support labels (chance)."""
        validation = [self._accuracies(mapped, draw) for draw in self.validations]
        level = torch.stack(validation).mean((0, 2))
        best = int(level.argmax())
        test = torch.stack([self._accuracies(mapped, draw, shuffled=shuffled) for draw in self.tests]).mean(0)
        levels = {s: float(v) for s, v in zip(SCALES, level, strict=True)}
        return DrawScores(test[SCALES.index(1.0)], test[best], SCALES[best], levels)

    def _accuracies(self, mapped: Mapped, draw: Draw, *, shuffled: bool = False) -> Tensor:
        """[scales, T]."""
        with torch.no_grad():
            features = mapped(self.inputs(draw))
        n = draw.support.shape[1]
        y = draw.support_y
        if shuffled:
            y = y[:, torch.randperm(n, generator=torch.Generator().manual_seed(2))]
        target = F.one_hot(y, self.data.ways).to(features.dtype)
        return torch.stack(
            [
                (ridge_scores(s * features[:, :n], target, s * features[:, n:]).argmax(-1) == draw.query_y)
                .float()
                .mean(1)
                for s in SCALES
            ]
        )

    def _permuted(self, x: Tensor) -> Tensor:
        return x.gather(2, self.order[:, None].expand(-1, x.shape[1], -1))

    def _draw(self) -> Draw:
        found = [self._one() for _ in range(self.nets)]
        support, query = (torch.stack([f[k] for f in found]) for k in (0, 1))
        y = torch.arange(self.data.ways).repeat_interleave(self.shots).expand(self.nets, -1)
        return Draw(support, query, y, y)

    def _one(self) -> tuple[Tensor, Tensor]:
        classes = torch.unique(self.data.y)
        chosen = classes[torch.randperm(len(classes), generator=self.generator)[: self.data.ways]]
        rows = []
        for label in chosen:
            own = torch.nonzero(self.data.y == label)[:, 0]
            rows.append(own[torch.randperm(len(own), generator=self.generator)[: 2 * self.shots]])
        both = torch.stack(rows)
        return both[:, : self.shots].flatten(), both[:, self.shots :].flatten()


def ridge_scores(support: Tensor, targets: Tensor, query: Tensor, penalty: float = 0.1) -> Tensor:
    """Ridge regression with a free intercept in its dual form, [T, n, Y]: cheap however wide the features are.

    >>> x = torch.tensor([[[0.0], [1.0], [2.0]]])
    >>> ridge_scores(x, 3 * x + 1, torch.tensor([[[3.0]]]), 1e-6).round(decimals=3).item()
    10.0
    """
    mean, level = support.mean(1, keepdim=True), targets.mean(1, keepdim=True)
    a, q = support - mean, query - mean
    gram = a @ a.transpose(1, 2) + penalty * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    return level + q @ a.transpose(1, 2) @ torch.linalg.solve(gram, targets - level)


def check_rows(data: RuleData, shots: int, batch: int) -> None:
    """Refuse data that have too few rows for these draws.

    Raises:
        DataError: The data have one class, a class has fewer than 2 * shots rows, or there are fewer unlabelled rows
            than a batch holds.
    """
    classes, counts = torch.unique(data.y, return_counts=True)
    if len(classes) < 2:
        raise DataError(f"{data.name} has one class", expected="at least 2 classes")
    least = int(counts.min())
    if least < 2 * shots:
        label = int(classes[counts.argmin()])
        raise DataError(
            f"Class {data.label_names[label] if data.label_names else label} of {data.name} has too few rows",
            expected=f"{2 * shots} ({shots} for support, {shots} for query)",
            found=str(least),
            do="Use fewer --shots, or drop the class.",
        )
    if len(data.unlabelled) < batch:
        raise DataError(
            f"{data.name} has fewer rows than a batch",
            expected=f"at least {batch}",
            found=str(len(data.unlabelled)),
            do="Use a smaller --batch.",
        )
