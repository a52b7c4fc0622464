"""One class out of several: focal loss or cross-entropy, hard or soft targets."""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.math import metrics as metrics_of
from auxin.math.missing import hide
from auxin.tasks._checks import (
    bad_targets,
    check_labels,
    check_shape,
    check_size,
    class_numbers,
    one_hot_classes,
)
from auxin.tasks.base import Task


class Classes(Task):
    """A task whose label is one of C classes.

    The loss is the cross-entropy; with `loss="focal"` it is the focal loss of Lin et al. 2017, which MAXL uses (Liu,
    Davison, Johns 2019, equation 1) and the `paper` preset of MAXL asks for. With p = softmax(output):

        l = - sum_k t_k (1 - p_k)^gamma log p_k

    where t is one-hot for a hard label, or a distribution for a soft one (a label generator's, which the
    loss is differentiable in). Cross-entropy is gamma = 0. Computed from `log_softmax` and `expm1`, so that
    it is finite, twice differentiable and fit for forward mode for any finite output; the authors' code
    takes log(softmax + 1e-24), whose gradient vanishes once a probability underflows.

    Args:
        name: The task's name.
        width: C, how many classes there are, at least 2.
        loss: "cross_entropy" or "focal" (None: cross-entropy, or focal where gamma is given).
        gamma: The focusing exponent, at least 0; used by "focal" only, 2 where it is not given.
        label_names: The classes' names, for reports; their numbers where not given.
        class_weights: A factor for each class's share of the loss (imbalanced classes); 1 where not given.

    Targets: int64 [B], -1 where missing; or float [B, C], a row of NaN where missing.
    Metrics: accuracy, balanced_accuracy, f1 (macro), auc (one against the rest, macro), log_loss (negated), top3
    (whether the label is among the three likeliest classes), and
    the mean cost (negated) under a matrix that is spelt out, `cost=0,1;5,0`.
    Soft targets are scored by their most likely class.

    >>> output, target = torch.zeros(2, 2), torch.tensor([1, -1])  # the second label is missing
    >>> Classes("colour", 2).loss(output, target).tolist()  # log 2
    [0.6931471824645996, 0.0]
    >>> Classes("colour", 2, loss="focal", gamma=2.0).loss(output, target).tolist()  # (1 - 0.5)^2 log 2
    [0.1732867956161499, 0.0]
    """

    metrics = ("accuracy", "balanced_accuracy", "f1", "auc", "log_loss", "top3")
    losses = ("focal", "cross_entropy")

    def __init__(
        self,
        name: str,
        width: int,
        loss: str | None = None,
        gamma: float | None = None,
        label_names: Sequence[str] | None = None,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        check_size(name, "classes", width, 2)
        loss = loss or ("cross_entropy" if gamma is None else "focal")
        gamma = 2.0 if gamma is None else gamma
        check_choice("loss", loss, self.losses)
        if not 0 <= gamma < float("inf"):
            raise ConfigError(
                "The focal exponent gamma is not usable", expected="at least 0", found=str(gamma)
            )
        super().__init__(name, width)
        self.gamma = gamma if loss == "focal" else 0.0
        self.label_names = self._one_each("label_names", label_names or [str(i) for i in range(width)])
        self.class_weights = self._one_each("class_weights", class_weights or [1.0] * width)
        self._weights = torch.tensor(self.class_weights) if class_weights else None

    def weighted(self, weights: Sequence[float]) -> "Classes":
        """The same task with a factor for each class's share of the loss."""
        loss = "focal" if self.gamma else "cross_entropy"
        return type(self)(self.name, self.width, loss, self.gamma, self.label_names, weights)

    def _one_each(self, what: str, values: Sequence) -> tuple:
        if len(values) != self.width:
            raise ConfigError(
                f"{what} does not fit task {self.name!r}",
                expected=f"{self.width} of them",
                found=str(len(values)),
            )
        return tuple(values)

    def check(self, target: Tensor) -> None:
        """Refuse labels outside the classes, and soft targets that are no distributions."""
        if not target.is_floating_point():
            check_shape(self.name, target, ("B",))
            return check_labels(self.name, target, self.width)
        check_shape(self.name, target, ("B", self.width))
        rows = target[self.present(target)]
        if bool((rows < 0).any()) or not torch.allclose(rows.sum(1), torch.ones_like(rows[:, 0]), atol=1e-3):
            raise bad_targets(
                self.name,
                "distributions over the classes",
                "a row that is negative or sums to another than 1",
            )
        return None

    def _read(self, target: Tensor) -> Tensor:
        """Class numbers of any type (NaN or below zero where missing), one-hot rows, or distributions [B, C]."""
        if target.dim() != 2 or target.shape[1] != self.width:
            return class_numbers(self.name, target, 1)
        return target if target.is_floating_point() else one_hot_classes(self.name, target)

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry a label, bool [B]."""
        return ~target.isnan().any(1) if target.is_floating_point() else target >= 0

    def alike(self) -> Hashable:
        """Tasks of as many classes, with one exponent and the same factors, are alike."""
        return (Classes, self.width, self.gamma, self.class_weights) if type(self) is Classes else None

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        present = self.present(target)
        log_p = torch.log_softmax(hide(output, present), 1)
        if target.is_floating_point():
            return (hide(target, present) * self._terms(log_p)).sum(1)
        label = target.clamp(min=0).unsqueeze(1)
        terms = self._terms(log_p) if self._weights is not None else self._focal(log_p.gather(1, label))
        return hide((terms.gather(1, label) if self._weights is not None else terms).squeeze(1), present)

    def _terms(self, log_p: Tensor) -> Tensor:
        """- w_k (1 - p_k)^gamma log p_k for every class."""
        terms = self._focal(log_p)
        return terms if self._weights is None else terms * self._weights.to(terms)

    def _focal(self, log_p: Tensor) -> Tensor:
        if self.gamma == 0:
            return -log_p
        rest = -torch.expm1(log_p)
        if self.gamma != int(self.gamma):
            # A fractional power has no derivatives at zero.
            rest = rest.clamp(min=torch.finfo(rest.dtype).eps)
        return -rest.pow(self.gamma) * log_p

    def predict(self, output: Tensor) -> Tensor:
        """The most likely class, int64 [B]."""
        return output.argmax(1)

    def probabilities(self, output: Tensor) -> Tensor:
        """The probability of each class, [B, C]."""
        return output.softmax(1)

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric over samples whose label is present."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric.partition("=")[0], [*self.metrics, "cost"])
        kept = self.present(target)
        if not bool(kept.any()):
            return metrics_of.NAN
        output, target = output.detach()[kept].double(), target.detach()[kept]
        true = target.argmax(1) if target.is_floating_point() else target
        if metric.startswith(metrics_of.COST):
            return float(metrics_of.cost_of_rows(metric, self.predict(output), true).mean())
        if metric == "log_loss":
            return float(output.log_softmax(1).gather(1, true.unsqueeze(1)).mean())
        if metric == "auc":
            # of the classes that have both kinds of sample (of two classes, both have the same)
            p = output.softmax(1)
            return metrics_of.nan_mean([metrics_of.auc(p[:, k], true == k) for k in range(self.width)])
        if metric == "top3":
            return float(metrics_of.among_likeliest(output, true, 3).mean())
        if metric == "accuracy":
            return metrics_of.accuracy(self.predict(output), true)
        table = metrics_of.confusion(self.predict(output), true, self.width)
        return (
            metrics_of.balanced_accuracy(table)
            if metric == "balanced_accuracy"
            else metrics_of.macro_f1(table)
        )
