"""One class out of several that have an order: grades, stars, severities (cumulative link)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.math import metrics as metrics_of
from auxin.math.missing import hide
from auxin.paper import Paper
from auxin.tasks._checks import check_labels, check_shape, check_size, class_numbers
from auxin.tasks.base import Task


class Ordered(Task):
    """A task whose label is one of C classes in order, by the cumulative link model, s the logistic function.

        P(y <= k) = s(c_k - score),    c_0 = 0,    c_k = c_(k-1) + softplus(gap_k),    k = 0, ..., C - 2

    The head puts out C - 1 numbers, the score and C - 2 gaps, so the cut points are in order whatever it
    puts out (and may depend on the input: with constant gaps this is McCullagh's proportional odds model).
    The loss is -log P(y), from log(s(a) - s(b)) = log s(a) + log s(-b) + log(1 - exp(b - a)), which stays
    finite in the tails.

    Args:
        name: The task's name.
        classes: C, at least 2.
        label_names: The classes' names in order, for reports; their numbers where not given.

    Targets: int64 [B], 0 to C - 1, -1 where missing.
    Metrics: mae (in classes, negated), accuracy, kappa (Cohen's, quadratic weights), log_loss (negated), and the
    mean cost (negated) under a matrix that is spelt out, `cost=0,1,4;1,0,1;4,1,0`.

    >>> task = Ordered("stars", 3)
    >>> task.probabilities(torch.tensor([[0.0, 20.0]])).round(decimals=3).tolist()
    [[0.5, 0.5, 0.0]]
    """

    metrics = ("mae", "accuracy", "kappa", "log_loss")
    paper = Paper(
        "Regression Models for Ordinal Data",
        "McCullagh",
        1980,
        "https://doi.org/10.1111/j.2517-6161.1980.tb01109.x",
    )

    def __init__(self, name: str, classes: int, label_names: Sequence[str] | None = None) -> None:
        check_size(name, "classes", classes, 2)
        super().__init__(name, classes - 1)
        self.classes = classes
        self.label_names = tuple(label_names or [str(i) for i in range(classes)])
        if len(self.label_names) != classes:
            raise ConfigError(
                f"label_names does not fit task {name!r}", expected=f"{classes}", found=f"{label_names}"
            )

    def check(self, target: Tensor) -> None:
        """Refuse labels outside the classes."""
        check_shape(self.name, target, ("B",))
        check_labels(self.name, target, self.classes)

    def _read(self, target: Tensor) -> Tensor:
        """Class numbers of any type, NaN or below zero where missing."""
        return class_numbers(self.name, target, 1)

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry a label, bool [B]."""
        return target >= 0

    def _log_probabilities(self, output: Tensor) -> Tensor:
        gaps = F.softplus(output[:, 1:])
        cuts = torch.cat([torch.zeros_like(output[:, :1]), gaps.cumsum(1)], 1) - output[:, :1]
        below, above = F.logsigmoid(cuts), F.logsigmoid(-cuts)
        smallest = torch.finfo(gaps.dtype).tiny
        between = below[:, 1:] + above[:, :-1] + (-torch.expm1(-gaps.clamp(min=smallest))).log()
        return torch.cat([below[:, :1], between, above[:, -1:]], 1)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        present = self.present(target)
        log_p = self._log_probabilities(hide(output, present))
        return hide(-log_p.gather(1, target.clamp(min=0).unsqueeze(1)).squeeze(1), present)

    def probabilities(self, output: Tensor) -> Tensor:
        """The probability of each class, [B, C]."""
        return self._log_probabilities(output).exp()

    def predict(self, output: Tensor) -> Tensor:
        """The median class (it minimises the expected distance), int64 [B]."""
        return (self.probabilities(output).cumsum(1)[:, :-1] < 0.5).sum(1)

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric over samples whose label is present."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric.partition("=")[0], [*self.metrics, "cost"])
        kept = self.present(target)
        if not bool(kept.any()):
            return metrics_of.NAN
        output, true = output.detach()[kept].double(), target.detach()[kept]
        if metric == "log_loss":
            return -float(self.loss(output, true).mean())
        said = self.predict(output)
        if metric.startswith(metrics_of.COST):
            return float(metrics_of.cost_of_rows(metric, said, true).mean())
        if metric == "accuracy":
            return metrics_of.accuracy(said, true)
        if metric == "mae":
            return metrics_of.mae(said.double(), true.double())
        return metrics_of.weighted_kappa(metrics_of.confusion(said, true, self.classes))
