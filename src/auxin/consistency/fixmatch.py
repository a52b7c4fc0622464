"""FixMatch: a confident prediction for the weak view is the label of the strong view (Sohn et al. 2020)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from auxin.consistency.base import Consistency, ViewAgreement, only
from auxin.errors import ConfigError
from auxin.paper import Paper
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes


class ConfidentCrossEntropy(ViewAgreement):
    """The loss of FixMatch: cross-entropy of the strong view with the weak view's class, where that is confident.

    Args:
        name: Name of the task.
        width: Number C of classes of the main task.
        threshold: Probability tau from which the weak view's class is used as a label.
    """

    def __init__(self, name: str, width: int, threshold: float) -> None:
        super().__init__(name, width)
        self.threshold = threshold

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each row, [B]; zero for rows that are no strong views and for doubtful ones."""
        present = self.present(target)
        probability, label = output.detach()[target.clamp(min=0)].softmax(1).max(1)
        found = functional.cross_entropy(only(output, present), label, reduction="none")
        return torch.where(present & (probability >= self.threshold), found, 0.0)


class FixMatch(Consistency):
    """The class that the network gives to the weak view, where it is sure, becomes the label of the strong view.

    Sohn et al. 2020, equation 4: with p = softmax(f(weak(u))), the pseudo-label argmax p and H the cross-entropy,

        l_u = (1 / mu B) sum_u 1[max p >= tau] H(argmax p, f(strong(u)))

    Rows below the threshold count in the denominator. p carries no gradient. The paper's weight of l_u is 1 and tau is
    0.95. Departures: weak and strong views pass through the network in one batch with the labelled rows (the authors do
    the same), there is no moving average of the weights at evaluation, and the strong view is `auxin.views.affine` with
    intensity and cutout rather than RandAugment's list.

    Args:
        width: Number of classes of the main task.
        threshold: Probability tau, from 0 to 1.

    Raises:
        ConfigError: A threshold out of range.

    >>> output = torch.tensor([[9.0, 0.0], [0.0, 0.0], [0.0, 0.1], [0.0, 0.0]])
    >>> pairs = torch.tensor([-1, 0, -1, 2])  # row 1 is a view of row 0, row 3 one of row 2, which is uncertain
    >>> [round(value, 3) for value in FixMatch(2).task.loss(output, pairs).tolist()]
    [0.0, 0.693, 0.0, 0.0]
    """

    paper: ClassVar[Paper | None] = Paper(
        "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence",
        "Sohn, Berthelot, Li, Zhang, Carlini, Cubuk, Kurakin, Zhang, Raffel",
        2020,
        "https://arxiv.org/abs/2001.07685",
        "equation 4",
    )

    def __init__(self, width: int, threshold: float = 0.95) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ConfigError("The threshold is out of range", expected="from 0 to 1", found=f"{threshold}")
        self.task = ConfidentCrossEntropy("fixmatch", width, float(threshold))

    @classmethod
    def build(cls, main: Task, *, threshold: float = 0.95) -> "FixMatch":
        """FixMatch for this main task."""
        return cls(main.width, threshold)

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """Only classes can be confident."""
        if not isinstance(main, Classes):
            return "FixMatch needs a main task of classes."
        return super().why_not(main)
