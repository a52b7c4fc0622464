"""Several yes-or-no attributes at once, each of which may be missing."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from auxin.catalogue import check_choice
from auxin.math import metrics as metrics_of
from auxin.math.missing import hide
from auxin.tasks._checks import bad_targets, check_shape, check_size, mean_present
from auxin.tasks.base import Task


class Multilabel(Task):
    """A task whose label is D binary attributes; the head puts out one logit o each.

        l = mean over the present attributes of   softplus(o) - t o   =   - t log s(o) - (1 - t) log(1 - s(o))

    Args:
        name: The task's name.
        width: D, at least 1.
        label_names: The attributes' names, for reports; their numbers where not given.

    Targets: [B, D], float in [0, 1] (soft labels too) with NaN where missing, or int64 with -1 where missing.
    Metrics, averaged over the attributes where they are defined: auc, average_precision, accuracy, f1. And hit: the
    share of samples whose likeliest attribute is one that they have (the accuracy of a single guess at an image of
    several kinds of object).

    >>> import torch
    >>> task = Multilabel("attributes", 2)
    >>> task.loss(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]))  # log 2 for the one that is known
    tensor([0.6931])
    """

    metrics = ("auc", "average_precision", "accuracy", "f1", "hit")

    def __init__(self, name: str, width: int, label_names: Sequence[str] | None = None) -> None:
        check_size(name, "attributes", width, 1)
        super().__init__(name, width)
        self.label_names = tuple(label_names or [str(i) for i in range(width)])

    def check(self, target: Tensor) -> None:
        """Refuse attributes outside 0 to 1."""
        check_shape(self.name, target, ("B", self.width))
        known = target[self._known(target)]
        if len(known) and (float(known.min()) < 0 or float(known.max()) > 1):
            found = f"{float(known.min()):g} to {float(known.max()):g}"
            raise bad_targets(
                self.name, "attributes between 0 and 1, NaN (or the integer -1) where missing", found
            )

    @staticmethod
    def _known(target: Tensor) -> Tensor:
        return ~target.isnan() if target.is_floating_point() else target != -1

    def _read(self, target: Tensor) -> Tensor:
        """Attributes of any type, [B, K]; NaN, or integers below zero, where missing."""
        return target if target.is_floating_point() else target.long().clamp(min=-1)

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry at least one attribute, bool [B]."""
        return self._known(target).any(1)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        known = self._known(target)
        logits, truth = hide(output, known), hide(target.to(output.dtype), known)
        return mean_present(hide(F.softplus(logits) - truth * logits, known), known)

    def predict(self, output: Tensor) -> Tensor:
        """1 where an attribute is more likely than not, int64 [B, D]."""
        return (output > 0).long()

    def probabilities(self, output: Tensor) -> Tensor:
        """The probability of each attribute, [B, D]."""
        return output.sigmoid()

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric of each attribute over its labels that are present, averaged over attributes."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric, self.metrics)
        output, known = output.detach(), self._known(target)
        if metric == "hit":
            rows = known.all(1)
            return (
                float(metrics_of.hits(output[rows], target[rows]).mean())
                if bool(rows.any())
                else metrics_of.NAN
            )
        each = [
            _score(metric, output[known[:, k], k].double(), target[known[:, k], k] > 0.5)
            for k in range(self.width)
            if bool(known[:, k].any())
        ]
        return metrics_of.nan_mean(each)


def _score(metric: str, logits: Tensor, true: Tensor) -> float:
    if metric == "auc":
        return metrics_of.auc(logits, true)
    if metric == "average_precision":
        return metrics_of.average_precision(logits, true)
    said = logits > 0
    if metric == "accuracy":
        return metrics_of.accuracy(said, true)
    asked = int(said.sum() + true.sum())
    return 2 * int((said & true).sum()) / asked if asked else metrics_of.NAN
