"""The factor 3: the run time of MAXL over that of AuxiLearn, step by step on the same network."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from auxin.data import Dataset, make_splits
from auxin.judging.paired import paired, standard_error
from auxin.methods import resolve
from auxin.paper import AUXILEARN
from auxin.recipes._pictures import bars
from auxin.recipes._summary import below, line, values_of, with_difference
from auxin.records.recipe import Claim
from auxin.records.results import Setting
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.training.steps import Learner
from auxin.typing import Batch

CLASSES, PSI, EVERY = 10, 5, 25
"""Main classes, auxiliary classes per main class, and the training steps between two meta steps of AuxiLearn."""
FACTOR = 3.0
"""The paper's ratio."""
WAYS: Mapping[str, tuple[str, str, Mapping[str, Setting]]] = {
    "AuxiLearn": ("auxilearn", "auxilearn", {"meta": "next"}),  # the batch is given by hand below
    "MAXL, double backward": ("maxl", "maxl", {"estimator.mode": "reverse"}),
    "MAXL, forward mode": ("maxl", "maxl", {"estimator.mode": "forward"}),
}
"""A method, its preset, and how its hypergradient is computed; the authors of MAXL differentiate the gradient."""


class Speed(Recipe):
    """Section 5.4: "our optimization approach is significantly faster than MAXL, yielding x3 improvement in run-time".

    MAXL takes a meta step for every training step; AuxiLearn one for every 25, of three Neumann terms. A piece times
    one training step and one meta step of each method on VGG-16, interleaved; an epoch's time follows from the
    rhythm. Images are random numbers of CIFAR-10's shape, since a step costs the same on all images.
    """

    paper = replace(AUXILEARN, place="section 5.4, the factor 3 in run time")
    title = "The run time of MAXL over AuxiLearn's: the factor 3"
    minutes = 2.0
    departures = (
        "VGG-16 has 8 instead of 64 maps in its first block.",
        "Our double backward takes the gradient at W twice, the authors' code of MAXL once.",
        "CPU seconds of one thread, which differ a little from run to run; the paper gives no hardware.",
        "The difference of a run time is to 1, equal times.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """A piece per seed."""
        return self.seed_pieces(self.seeds(3, smoke), smoke=smoke)

    def run(self, piece: Piece) -> PieceResult:
        """Time the steps of every way in turn; the first turn warms up and is not counted."""
        made = {way: learner_of(way, piece.seed, piece.smoke) for way in WAYS}
        spent: dict[str, list[float]] = {}
        for turn in range(2 if piece.smoke else 6):
            for way, (learner, batch, meta) in made.items():
                for part, step in (
                    ("training step", lambda learner=learner, batch=batch: learner.train_step(batch)),
                    ("meta step", lambda learner=learner, b=batch, m=meta: learner.meta_step(b, m)),
                ):
                    took = _seconds(step)
                    if turn:
                        spent.setdefault(f"{way}: {part}", []).append(took)
        return PieceResult({name: statistics.median(times) for name, times in spent.items()})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Seconds of each step, and the ratios of an epoch's time; differences are to AuxiLearn's own 1."""
        values = values_of(done)
        lines = [line(name, times, "ms", factor=1000) for name, times in values.items()]
        own = _per_step(values, "AuxiLearn", EVERY)
        claims, ratios = [], {}
        for way in list(WAYS)[1:]:
            ratios[way] = [a / b for a, b in zip(_per_step(values, way, 1), own, strict=True)]
            gap = paired(ratios[way], [1.0] * len(ratios[way]))
            found = line(f"run time of {way} over AuxiLearn's", ratios[way], paper=FACTOR)
            lines.append(with_difference(found, gap, FACTOR - 1))
            within = (
                "" if gap.low is None or gap.high is None else f" [{gap.low + 1:.2f}, {gap.high + 1:.2f}]"
            )
            claims.append(
                Claim(
                    text="AuxiLearn takes less time than MAXL (the paper: a third)",
                    found=f"{way} takes {gap.difference + 1:.2f}{within} times AuxiLearn's time",
                    holds=below([1.0] * len(own), ratios[way]),
                )
            )
        rows = [(way, statistics.mean(own), standard_error(own)) for way, own in ratios.items()]
        picture = bars("ratios", self.title, "run time over AuxiLearn's", rows, paper=[FACTOR] * len(rows))
        return RecipeOutcome(lines, claims, [picture])


def learner_of(way: str, seed: int, smoke: bool) -> tuple[Learner, Batch, Batch]:
    """A learner of random images of CIFAR-10's shape, its batch and the batch of its outer loss."""
    name, preset, settings = WAYS[way]
    rows, side = (16, 8) if smoke else (100, 32)
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (2 * rows, 3, side, side), generator=draw, dtype=torch.uint8)
    labels = torch.arange(2 * rows) % CLASSES
    tasks: dict[str, Task] = {"y": Classes("y", CLASSES)}
    nobody = torch.zeros(2 * rows, dtype=torch.bool)
    data = Dataset("made", images, tasks, {"y": labels}, "y", nobody)
    user: dict[str, Setting] = {"psi": PSI, "augmentation": "none", "batch": rows, **settings}
    user |= {"model": "conv4", "model.channel_width": 4} if smoke else {"model.channel_width": 8}
    method = resolve(name)
    chosen = layered("made", "image", method, preset, user, {})
    splits = make_splits(data, seed=seed, validation=0.0, test=0.0)
    learner = build(data, splits, method, chosen, seed=seed).state.learner
    x = images.float() / 127.5 - 1
    batches = [Batch(x[r], {"y": labels[r]}, r) for r in (torch.arange(rows), torch.arange(rows, 2 * rows))]
    return learner, batches[0], batches[1] if name == "auxilearn" else batches[0]


def _per_step(values: Mapping[str, list[float]], way: str, every: int) -> list[float]:
    """The time of a training step and its share of a meta step, over pieces."""
    pairs = zip(values[f"{way}: training step"], values[f"{way}: meta step"], strict=True)
    return [train + meta / every for train, meta in pairs]


def _seconds(step: Callable[[], Any]) -> float:
    """CPU seconds of a step."""
    begun = time.process_time()
    step()
    return time.process_time() - begun
