"""The contract of a source: from the rows and the labels that are known to a distribution over the classes per row."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.tasks.base import Task


@dataclass(frozen=True, eq=False)
class SourceInputs:
    """The input of a source: the training rows, with and without a main label.

    Attributes:
        x: Inputs as the network sees them (normalised, not augmented), float [N, ...].
        y: Main labels, int64 [N], -1 where unknown.
        classes: Number K of classes.
        auxiliaries: Targets of other tasks by name, -1 or NaN where missing.
        tasks: Those tasks.
        seed: Seed of all random numbers, at least 0 and below 2^32.
    """

    x: Tensor
    y: Tensor
    classes: int
    auxiliaries: Mapping[str, Tensor] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    seed: int = 0

    @property
    def labelled(self) -> Tensor:
        """Which rows carry a main label, bool [N]."""
        return self.y >= 0

    def without(self, rows: Tensor) -> "SourceInputs":
        """The same rows with the main labels of some (bool [N]) hidden."""
        return replace(self, y=self.y.masked_fill(rows, -1))


class Source(ABC):
    """A module that estimates the class distribution of every row.

    Attributes:
        follows: Whether it reads the network; its labels are then updated during training.
        average: Weight of the earlier labels when a source that follows the network is updated.
        needs_auxiliaries: Whether it reads the labels of other tasks.
    """

    follows: ClassVar[bool] = False
    average: ClassVar[float] = 0.0
    needs_auxiliaries: ClassVar[bool] = False

    @classmethod
    def why_not(cls, known: SourceInputs) -> str | None:
        """The reason why the source cannot be used here, or None if it can."""
        if cls.needs_auxiliaries and not known.auxiliaries:
            return "the rows carry no auxiliary labels."
        return None

    def begin(self, known: SourceInputs) -> Tensor | None:
        """What it says before it is asked for the first time, as `guess`; None where it says nothing yet."""
        return None if self.follows else self.guess(known)

    @abstractmethod
    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        """A distribution over the classes for every row, float [N, K] on the CPU; a row of NaN where it has none.

        Args:
            known: The rows. A source uses no label that is hidden there.
            features: What the network's trunk makes of x, float [N, D]; only for sources that follow it.
            outputs: The main head's logits, float [N, K]; only for sources that follow the network.

        Raises:
            DataError: The rows cannot be used (no label of any class).
        """


def flat(x: Tensor) -> Tensor:
    """Inputs as rows of numbers on the CPU, float64 [N, D].

    >>> flat(torch.zeros(2, 1, 3, 3)).shape
    torch.Size([2, 9])
    """
    return x.detach().cpu().double().flatten(1)


def votes(x: np.ndarray, known: SourceInputs, trees: int) -> Tensor:
    """The probabilities of randomised trees that are trained on the labelled rows of these columns, for every row."""
    from sklearn.ensemble import ExtraTreesClassifier  # takes a while

    return probabilities(ExtraTreesClassifier(trees, random_state=known.seed, n_jobs=1), x, known)


def probabilities(model: Any, x: np.ndarray, known: SourceInputs) -> Tensor:
    """What scikit-learn's `model`, trained on the labelled rows, gives to every class in every row, float32 [N, K].

    A class that no labelled row has gets 0.
    """
    there = known.labelled.cpu().numpy()
    model.fit(x[there], known.y.cpu().numpy()[there])
    found = torch.zeros(len(x), known.classes, dtype=torch.float32)
    found[:, model.classes_.tolist()] = torch.from_numpy(model.predict_proba(x)).float()
    return found


def check_network(name: str, value: Tensor | None) -> Tensor:
    """What the network says; refused where it was not asked."""
    if value is None:
        raise ConfigError(
            f"The source {name!r} reads the network",
            expected="its features and outputs",
            found="none",
            do="Use it in a labeler that is trained with a network, or use spread",
        )
    return value


CONTRACT = Source
