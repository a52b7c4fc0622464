"""The contract of a candidate for `fit`, shared by rivals, networks and blends of them."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from auxin import catalogue, rivals
from auxin.fitting.rows import Folds, Rows, in_units
from auxin.rivals import Options
from auxin.tasks.base import Task

SPREAD_OVER = 2000
"""Unlabelled rows that a rival learns from at most: label spreading searches neighbours among them."""
MANY, PART = 8000, 1000
"""From so many labelled rows on a rival's time is estimated, from trainings on a part of them and on twice as many."""
LARGE, SHARE = 200_000, 16
"""From so many values on it is estimated from a training on every so manieth column."""


class Member(ABC):
    """A trained candidate: inputs to what a head of the main task would put out.

    Attributes:
        task: The main task.
    """

    task: Task

    @abstractmethod
    def outputs(self, x: rivals.Vectors) -> Tensor:
        """Outputs float64 [N, width] for inputs [N, D], NaN where missing."""


class TooSlow(Exception):
    """A candidate's folds would take longer than there is time; its cheaper folds are not kept."""


class Candidate(ABC):
    """One way to get a model for the main task.

    Attributes:
        name: What it is called in tables.
        family: candidates of one family differ in their options only, and the best of them stands for it.
        simplicity: From 0 (a constant) to 9; a tie goes to the lower.
        options: What it tries.
        weighted: Whether `teach` takes a weight per row.
        most_inferred: Rows with an inferred label that it learns from at most.
    """

    name: str
    family: str
    simplicity: int
    options: Options
    weighted: bool = False
    most_inferred: ClassVar[int] = 400

    @abstractmethod
    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train on these labelled rows alone, and on the rows without a main label where it can."""

    def within(self, seconds: float, rows: Rows, folds: Folds, more: int = 0) -> "Candidate | None":
        """The same or a cheaper one that fits into so many seconds; None where none does. By default the same.

        Args:
            seconds: The time for all folds.
            rows: The training rows.
            folds: The folds.
            more: Number of rows that a fold learns from beside its labelled ones.
        """
        del seconds, rows, folds, more
        return self

    def teach(self, rows: Rows, kept: np.ndarray, weights: np.ndarray, seed: int) -> Member:
        """Train on these rows alone, with a weight each; for candidates that are `weighted`."""
        raise NotImplementedError(f"{self.name} takes no weights")

    def for_folds(self) -> "Candidate":
        """The same, cheaper where there is a cheaper one, for folds that only compare."""
        return self

    def predicted(self, rows: Rows, kept: np.ndarray, x: rivals.Vectors, seed: int) -> Tensor:
        """Outputs for `x` after training on these labelled rows alone: no other label is read, nor its unit."""
        own = rows.own_units(kept)
        return in_units(self.train(own, kept, seed).outputs(x), own.task, rows.task)

    def out_of_fold(self, rows: Rows, folds: Folds, seed: int, until: float | None = None) -> Tensor:
        """Outputs for every labelled row by cheaper members that did not see its label, [R, n, width].

        Args:
            rows: The training rows.
            folds: The folds.
            seed: Seed of everything random.
            until: End of the time there is, by `time.monotonic`; None: no end.

        Raises:
            TooSlow: After a fold, the rest would end later, at the pace so far.
        """
        quick, begun, pairs = self.for_folds(), time.monotonic(), folds.pairs(rows.labelled)

        def outputs() -> Iterator[Tensor]:
            for number, (_, kept, held) in enumerate(pairs):
                now = time.monotonic()
                if (
                    until is not None
                    and number
                    and now + (now - begun) / number * (len(pairs) - number) > until
                ):
                    raise TooSlow(f"{number} of {len(pairs)} folds took {now - begun:.1f} s")
                yield quick.predicted(rows, kept, rows.x[rows.labelled[held]], seed)

        return folds.gathered(rows.labelled, outputs())


@dataclass(frozen=True, eq=False)
class Constant(Candidate):
    """A guess that does not look at the inputs: the classes' shares, or the mean."""

    name: str = "constant guess"
    family: str = "constant guess"
    simplicity: int = 0
    options: Options = field(default_factory=dict)

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """The shares, or the mean, of these rows."""
        task, y = rows.task, rows.y[torch.from_numpy(kept)]
        if rivals.kind_of(task) == "regression":
            mean = float(((y.double() - task.mean) / task.scale).mean())  # type: ignore[attr-defined]
            return Guess(task, torch.tensor([[mean]], dtype=torch.float64))
        if y.dim() > 1:
            known = ~y.isnan() if y.is_floating_point() else y != -1
            ones = torch.where(known, y.double().nan_to_num(), 0.0).sum(0)
            return Guess(task, ((ones + 0.5) / (known.sum(0) + 1)).logit()[None])
        counts = torch.bincount(y, minlength=rivals.count_of(task)).double() + 0.5
        return Guess(task, rivals.outputs_of(task, (counts / counts.sum())[None]))


@dataclass(frozen=True, eq=False)
class Guess(Member):
    """The same outputs for every row, [1, width]."""

    task: Task
    value: Tensor

    def outputs(self, x: rivals.Vectors) -> Tensor:
        """The constant, once per row."""
        return self.value.repeat(x.shape[0], 1)


@dataclass(frozen=True, eq=False)
class RivalCandidate(Candidate):
    """A rival with one of its tries' options.

    Attributes:
        rival: A member of the family `rivals`.
    """

    rival: str
    options: Options

    @property
    def family(self) -> str:  # type: ignore[override]
        """The rival's name."""
        return self.rival

    @property
    def name(self) -> str:  # type: ignore[override]
        """The rival's name and the options."""
        shown = ", ".join(f"{key} {value}" for key, value in self.options.items())
        return f"{self.rival} ({shown})" if shown else self.rival

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """The rival's."""
        return catalogue.load("rivals", self.rival).simplicity

    def for_folds(self) -> "RivalCandidate":
        """The same, cheaper where the rival says how, for folds that only compare."""
        return replace(self, options={**self.options, **catalogue.load("rivals", self.rival).quick})

    @property
    def weighted(self) -> bool:  # type: ignore[override]
        """Whether the rival's rows can be weighted."""
        return catalogue.load("rivals", self.rival).weighted

    def within(self, seconds: float, rows: Rows, folds: Folds, more: int = 0) -> "RivalCandidate | None":
        """The same; None where its trainings on many rows, or many columns, would take longer.

        Kernel methods take the square of the rows; all take the columns, or less.
        """
        pairs = folds.pairs(rows.labelled)
        kept = np.random.default_rng(0).permutation(pairs[0][1])
        if len(rows.labelled) < MANY:
            count, columns = len(kept) + more, rows.x.shape[1]
            if count * columns < LARGE or columns < SHARE:
                return self
            thin = replace(rows, x=rows.x[:, ::SHARE], image=None)
            each = self._seconds(thin, kept) * SHARE * count / len(kept)
            return self if each * (len(pairs) + 1) <= seconds else None
        once, twice = self._seconds(rows, kept[:PART]), self._seconds(rows, kept[: 2 * PART])
        if not once or not twice:
            return self
        growth = min(max(math.log2(twice / once), 1.0), 3.0)
        each = twice * (len(kept) / (2 * PART)) ** growth
        return self if each * (len(pairs) + 1) <= seconds else None

    def _seconds(self, rows: Rows, kept: np.ndarray) -> float:
        """The time of a training; 0 where it fails on so few rows, which says nothing about all of them."""
        begun = time.monotonic()
        try:
            self.for_folds().train(rows, kept, 0)
        except Exception:  # the training on all rows reports a failure of its own
            return 0.0
        return time.monotonic() - begun

    def teach(self, rows: Rows, kept: np.ndarray, weights: np.ndarray, seed: int) -> Member:
        """Train on these rows alone, with a weight each."""
        y = rows.y[torch.from_numpy(kept)]
        fitted = rivals.fit(self.rival, rows.task, rows.x[kept], y, rows.shape, seed, self.options, weights)
        return RivalMember(rows.task, fitted)

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train on these rows, and on rows without a main label where the rival learns from those."""
        used = kept
        if catalogue.load("rivals", self.rival).unlabelled:
            draw = np.random.default_rng(seed)
            used = np.concatenate([kept, draw.permutation(rows.unlabelled)[:SPREAD_OVER]])
        y = rows.only(kept)[torch.from_numpy(used)]
        fitted = rivals.fit(self.rival, rows.task, rows.x[used], y, rows.shape, seed, self.options)
        return RivalMember(rows.task, fitted)


@dataclass(frozen=True, eq=False)
class RivalMember(Member):
    """A trained rival."""

    task: Task
    fitted: rivals.Fitted

    def outputs(self, x: rivals.Vectors) -> Tensor:
        """The rival's outputs."""
        return self.fitted.outputs(x)


def rival_candidates(rows: Rows, tries: int, names: Any = None) -> dict[str, list[Candidate]]:
    """The rivals that can learn the main task, each with its tries."""
    found: dict[str, list[Candidate]] = {}
    for name in names or catalogue.names("rivals"):
        if rivals.why_not(name, rows.task, compressed=rows.shape.compressed) is not None:
            continue
        if catalogue.load("rivals", name).unlabelled and not len(rows.unlabelled):
            continue
        offered = catalogue.load("rivals", name).tries(rivals.kind_of(rows.task), rows.shape)[:tries]
        if offered:
            found[name] = [RivalCandidate(name, options) for options in offered]
    return found
