"""Several real numbers at once: embeddings, poses, the pixels of a reconstructed input."""

from collections.abc import Sequence

from torch import Tensor

from auxin.catalogue import check_choice
from auxin.math.missing import hide
from auxin.tasks._checks import check_finite, check_shape, check_size, mean_present, real_numbers
from auxin.tasks._real import LOSSES, METRICS, check_scales, distance, like, score_columns, spread
from auxin.tasks.base import Task


class Vector(Task):
    """A task whose label is a vector y in R^D; the head predicts (y - mean) / scale, component by component.

    The loss is the mean over the components whose label is present of d^2 (or pseudo-Huber, see
    `regression`), so that its size does not depend on D.

    Args:
        name: The task's name.
        width: D, at least 1.
        means: subtracted from the targets, one per component; 0 where not given.
        scales: What the targets are divided by, one per component, positive; 1 where not given.
        loss: "squared" or "pseudo_huber".

    Targets: float [B, D], in the user's units, NaN where a component is missing. Metrics, in the user's
    units and averaged over components: r2, mae and rmse (negated).

    >>> import torch
    >>> Vector("pose", 2).loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[2.0, float("nan")]]))
    tensor([1.])
    """

    metrics = tuple(METRICS)

    def __init__(
        self,
        name: str,
        width: int,
        means: Sequence[float] | None = None,
        scales: Sequence[float] | None = None,
        loss: str = "squared",
    ) -> None:
        check_size(name, "components", width, 1)
        check_choice("loss", loss, LOSSES)
        super().__init__(name, width)
        self.means = tuple(means or [0.0] * width)
        self.scales = tuple(scales or [1.0] * width)
        self.kind = loss
        check_scales(name, self.means, self.scales, width)

    @classmethod
    def fit(cls, name: str, target: Tensor, loss: str = "squared") -> "Vector":
        """The task with the components' means and standard deviations over the training targets [B, D]."""
        means, scales = zip(*[spread(column) for column in target.unbind(1)], strict=True)
        return cls(name, target.shape[1], means, scales, loss)

    def check(self, target: Tensor) -> None:
        """Refuse anything but finite numbers [B, D], NaN where missing."""
        check_shape(self.name, target, ("B", self.width))
        check_finite(self.name, target)

    def _read(self, target: Tensor) -> Tensor:
        """Numbers of any type, [B, D], NaN where missing."""
        return real_numbers(target, 2)

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry at least one component, bool [B]."""
        return ~target.isnan().all(1)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        present = ~target.isnan()
        scaled = (target - like(self.means, target, (1, -1))) / like(self.scales, target, (1, -1))
        return mean_present(distance(hide(output - scaled, present), self.kind), present)

    def predict(self, output: Tensor) -> Tensor:
        """The vectors in the user's units, [B, D]."""
        return output * like(self.scales, output, (1, -1)) + like(self.means, output, (1, -1))

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric of each component over its labels that are present, averaged over components."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric, self.metrics)
        return score_columns(metric, self.predict(output.detach().double()), target.detach())
