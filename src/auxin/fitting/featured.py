"""Candidates that learn from features of images in the place of pixels."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from auxin.fitting.candidates import Candidate, Member, rival_candidates
from auxin.fitting.image_features import SMALLEST, ImageFeatures
from auxin.fitting.rows import Folds, Rows
from auxin.fitting.scores import is_numbers
from auxin.rivals import Options
from auxin.tasks.base import Task

RIVALS = ("logistic", "ridge", "svc")
"""Estimators that learn from the features: those that suit few rows of many columns."""
TIMED = 20
"""Images whose features are timed."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """The training rows' features, made once, when they are first needed.

    Attributes:
        rows: The training rows, images as vectors.
        seed: Draws the filters.
        made: The features, and the training rows with them in the place of pixels.
    """

    rows: Rows
    seed: int
    made: list[tuple[ImageFeatures, Rows]] = field(default_factory=list)

    def of(self) -> tuple[ImageFeatures, Rows]:
        """The features, and the training rows with them in the place of pixels."""
        if not self.made:
            features = ImageFeatures.fit(self.rows, self.seed)
            described = replace(self.rows, x=features.transform(self.rows.x), image=None, described=True)
            self.made.append((features, described))
        return self.made[0]

    def seconds(self) -> float:
        """How long the features take yet, by the time that those of a few images take here."""
        if self.made:
            return 0.0
        begun, few = time.monotonic(), replace(self.rows, x=self.rows.x[:TIMED])
        features = ImageFeatures.fit(few, self.seed)
        once = time.monotonic()
        features.transform(few.x)
        return once - begun + (time.monotonic() - once) / TIMED * 2 * len(self.rows.x)


@dataclass(frozen=True, eq=False)
class FeaturedCandidate(Candidate):
    """A candidate that learns from features of images.

    Attributes:
        base: The candidate.
        table: The features.
        family: Its name in tables.
    """

    base: Candidate
    table: FeatureTable
    family: str

    @property
    def name(self) -> str:  # type: ignore[override]
        """The family's name and the options."""
        return self.family + self.base.name.removeprefix(self.base.family)

    @property
    def simplicity(self) -> int:  # type: ignore[override]
        """As the candidate's."""
        return self.base.simplicity

    @property
    def options(self) -> Options:  # type: ignore[override]
        """The candidate's."""
        return self.base.options

    @property
    def weighted(self) -> bool:  # type: ignore[override]
        """Whether the candidate's rows can be weighted."""
        return self.base.weighted

    def within(self, seconds: float, rows: Rows, folds: Folds, more: int = 0) -> "FeaturedCandidate | None":
        """The same; None where the features, or the candidate's trainings, would take longer."""
        if self.table.seconds() >= seconds:
            return None
        begun = time.monotonic()
        own = self._rows(rows)[1]
        base = self.base.within(seconds - (time.monotonic() - begun), own, folds, more)
        return None if base is None else self if base is self.base else replace(self, base=base)

    def for_folds(self) -> "FeaturedCandidate":
        """As the candidate."""
        return replace(self, base=self.base.for_folds())

    def train(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        """Train on these rows' features."""
        features, own = self._rows(rows)
        return FeaturedMember(rows.task, features, self.base.train(own, kept, seed))

    def teach(self, rows: Rows, kept: np.ndarray, weights: np.ndarray, seed: int) -> Member:
        """Train on these rows' features, with a weight each."""
        features, own = self._rows(rows)
        return FeaturedMember(rows.task, features, self.base.teach(own, kept, weights, seed))

    def out_of_fold(self, rows: Rows, folds: Folds, seed: int, until: float | None = None) -> Tensor:
        """As the candidate's: the features are the same in every fold, since no label is in them."""
        return self.base.out_of_fold(self._rows(rows)[1], folds, seed, until)

    def _rows(self, rows: Rows) -> tuple[ImageFeatures, Rows]:
        """The features, and with them the rows, which may have other labels than the table's."""
        features, own = self.table.of()
        return features, replace(own, task=rows.task, y=rows.y, auxiliaries=rows.auxiliaries)


@dataclass(frozen=True, eq=False)
class FeaturedMember(Member):
    """A member behind features of images."""

    task: Task
    features: ImageFeatures
    inner: Member

    def outputs(self, x: np.ndarray) -> Tensor:
        """The member's outputs for the images' features."""
        return self.inner.outputs(self.features.transform(x))


def featured_candidates(
    rows: Rows, tries: int, seed: int, processes: Mapping[str, Sequence[Candidate]]
) -> dict[str, list[Candidate]]:
    """Linear models and support vectors on features of images and, for classes, Gaussian processes.

    A number may depend on how bright an image is, which these features do not tell; there the processes, half of what
    `fit` keeps, stay with the pixels.

    Args:
        rows: The training rows.
        tries: Options that each kind tries at most.
        seed: Draws the filters.
        processes: Gaussian processes, which learn from these features where there are any.
    """
    if rows.image is None or len(rows.image) != 3 or min(rows.image[1:]) < SMALLEST:
        return {}
    table, plain = FeatureTable(rows, seed), replace(rows, image=None, described=True)
    offered = {f"features:{name}": own for name, own in rival_candidates(plain, tries, RIVALS).items()}
    offered |= {} if is_numbers(rows.task) else {name: list(own) for name, own in processes.items()}
    return {name: [FeaturedCandidate(base, table, name) for base in bases] for name, bases in offered.items()}
