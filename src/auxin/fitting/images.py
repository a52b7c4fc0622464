"""Convolutional networks as candidates: the main task alone, with rows without a main label, with auxiliary tasks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from auxin.consistency.fixmatch import FixMatch
from auxin.fitting.candidates import Candidate, Member
from auxin.fitting.convnet import ConvMember, ConvTraining, Pixels, train_convnet
from auxin.fitting.rows import Folds, Rows
from auxin.rivals import Options

STEPS, FEWEST = 200, 40
"""Steps of a training, and the fewest that are worth it where time is short."""
NETWORKS = 2
"""Networks that are averaged in the end; the folds train one each."""
RATE = 0.06
MOST_OTHERS = 5000
"""Rows without a main label that a network learns from at most."""
SMALLEST = 6
"""Images with a shorter side are left to the other candidates."""
TIMED = (2, 8)
"""Steps of the two trainings that are timed; their difference is the time of a step."""
SHARE = 0.5
"""The share of the time left that one try may take, the training of the final networks included."""


@dataclass(frozen=True, eq=False)
class ConvCandidate(Candidate):
    """Convolutional networks with one set of options.

    Attributes:
        family: `convnet`, `convnet + unlabelled` or `convnet + auxiliaries`.
        options: As `auxin.fitting.convnet.Lesson` takes them.
        steps: Number of steps of a training.
        networks: How many are averaged.
        simplicity: 8, and 9 where more than the main labels teaches it.
    """

    family: str
    options: Options
    steps: int
    networks: int = NETWORKS
    weighted: bool = True
    most_inferred: ClassVar[int] = MOST_OTHERS

    @property
    def name(self) -> str:  # type: ignore[override]
        """The family's name, the options and the steps."""
        numbers = [f"{k} {v:g}" for k, v in self.options.items() if isinstance(v, float)]
        flip = ["flip"] if self.options.get("flip") else []
        return f"{self.family} ({', '.join([*numbers, *flip, f'steps {self.steps}'])})"

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """More complex than every rival."""
        return 9 if "consistency" in self.options or "auxiliary" in self.options else 8

    def for_folds(self) -> "ConvCandidate":
        """One network."""
        return replace(self, networks=1)

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train the networks. A labelled row that is not kept takes no part, not even without its label."""
        return self._member(ImageRows.of(rows, seed), kept, torch.ones(len(rows.x)), seed)

    def teach(self, rows: Rows, kept: np.ndarray, weights: np.ndarray, seed: int) -> Member:
        """Train on these rows, with a weight each, and on rows without a main label."""
        every = torch.ones(len(rows.x))
        every[torch.from_numpy(kept)] = torch.from_numpy(weights).float()
        return self._member(ImageRows.of(rows, seed), kept, every, seed)

    def within(self, seconds: float, rows: Rows, folds: Folds, more: int = 0) -> "ConvCandidate | None":
        """The same with as few steps as fit into a share of the time, by the time that a few steps take here."""
        del more  # a step takes the same number of rows
        trainings = len(folds.pairs(rows.labelled)) + self.networks
        begun, once = time.monotonic(), self._seconds(rows, TIMED[0])
        if once * trainings > SHARE * seconds:  # too long, however fast the further steps
            return None
        longer = self._seconds(rows, TIMED[1])
        left = seconds - (time.monotonic() - begun)
        each = max(longer - once, 0.0) / (TIMED[1] - TIMED[0])
        ready = max(once - TIMED[0] * each, 0.0)  # what a training takes before its first step
        most = (SHARE * left / trainings - ready) / max(each, 1e-6)
        steps = int(min(self.steps, max(most, 0.0)))
        if steps < FEWEST:
            return None
        return self if steps == self.steps else replace(self, steps=steps)

    def _seconds(self, rows: Rows, steps: int) -> float:
        begun = time.monotonic()
        replace(self, steps=steps, networks=1).train(rows, rows.labelled, 0)
        return time.monotonic() - begun

    def _member(self, images: "ImageRows", kept: np.ndarray, weights: Tensor, seed: int) -> ConvMember:
        seeds = range(NETWORKS * seed, NETWORKS * seed + self.networks)
        lessons = [
            ConvTraining(images.rows, images.x, kept, images.others, weights, self.options, self.steps, s)
            for s in seeds
        ]
        return ConvMember(images.rows.task, images.pixels, tuple(train_convnet(lesson) for lesson in lessons))


@dataclass(frozen=True, eq=False)
class ImageRows:
    """The rows as the networks take them.

    Attributes:
        rows: The training rows.
        pixels: vectors to images.
        x: Every row, [N, C, H, W].
        others: The rows without a main label that take part.
    """

    rows: Rows
    pixels: Pixels
    x: Tensor
    others: np.ndarray

    @classmethod
    def of(cls, rows: Rows, seed: int) -> "ImageRows":
        """The rows in one unit, and a random part of those without a main label."""
        pixels = Pixels.fit(rows)
        others = np.random.default_rng(seed).permutation(rows.unlabelled)[:MOST_OTHERS]
        return cls(rows, pixels, pixels.transform(rows.x), others)


def image_candidates(rows: Rows, tries: int, notify: Callable[[str], None]) -> dict[str, list[Candidate]]:
    """Convolutional networks, where rows are images: a kind for each thing that can teach them.

    Args:
        rows: The training rows.
        tries: Options that each kind tries at most.
        notify: Function that receives a sentence where images are shrunk.
    """
    if rows.image is None or len(rows.image) != 3 or min(rows.image[1:]) < SMALLEST:
        return {}
    taught: dict[str, Options] = {}
    if len(rows.unlabelled) and FixMatch.why_not(rows.task) is None:
        taught["convnet + unlabelled"] = {"consistency": 1.0}
    if any(not task.dense for task, _ in rows.auxiliaries.values()):
        taught["convnet + auxiliaries"] = {"auxiliary": 1.0}
    factor = Pixels.factor_of(rows.image)
    if factor > 1:
        notify(f"Convolutional networks see the images shrunk, by the mean of {factor} x {factor} pixels.")
    first = rows.image[0] > 1  # photographs may be mirrored, letters and digits may not
    ways: list[Options] = [{"rate": RATE, "flip": first}, {"rate": RATE, "flip": not first}]
    return {
        family: [ConvCandidate(family, {**way, **more}, STEPS) for way in ways[:tries]]
        for family, more in {"convnet": {}, **taught}.items()
    }
