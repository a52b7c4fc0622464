"""One real number: squared or pseudo-Huber error in units of the training targets' spread."""

from collections.abc import Hashable

from torch import Tensor

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.math.missing import hide
from auxin.tasks._checks import check_finite, check_shape, real_numbers
from auxin.tasks._real import LOSSES, METRICS, check_scales, distance, score_columns, spread
from auxin.tasks.base import Task


class Regression(Task):
    """A task whose label is one real number y; the head predicts (y - mean) / scale.

        squared: l = d^2        pseudo_huber: l = 2 (sqrt(1 + d^2) - 1)        d = output - (y - mean) / scale

    Both agree to second order at d = 0; pseudo-Huber grows linearly, so that one outlier cannot rule a batch.
    Losses are written so that forward mode over reverse mode works (`mse_loss` refuses it).

    Args:
        name: The task's name.
        width: 1.
        mean: subtracted from the targets, in their unit.
        scale: What the targets are divided by, in their unit, positive.
        loss: "squared" or "pseudo_huber".

    Targets: float [B], in the user's unit, NaN where missing. Metrics, in the user's unit: r2, mae and rmse
    (negated).

    >>> import torch
    >>> task = Regression.fit("price", torch.tensor([1.0, 3.0, float("nan")]))
    >>> task.mean, task.scale, task.predict(torch.tensor([[0.0], [1.0]])).tolist()
    (2.0, 1.0, [2.0, 3.0])
    """

    metrics = tuple(METRICS)

    def __init__(
        self, name: str, width: int = 1, mean: float = 0.0, scale: float = 1.0, loss: str = "squared"
    ) -> None:
        check_choice("loss", loss, LOSSES)
        check_scales(name, [mean], [scale])
        if width != 1 or not isinstance(width, int) or isinstance(width, bool):
            raise ConfigError(f"Task {name!r} is one number", found=f"width {width}", do="Use vector")
        super().__init__(name, width)
        self.mean = mean
        self.scale = scale
        self.kind = loss

    @classmethod
    def fit(cls, name: str, target: Tensor, loss: str = "squared") -> "Regression":
        """The task with mean and standard deviation of the training targets (1 where they do not vary)."""
        mean, scale = spread(target)
        return cls(name, mean=mean, scale=scale, loss=loss)

    def check(self, target: Tensor) -> None:
        """Refuse anything but finite numbers [B], NaN where missing."""
        check_shape(self.name, target, ("B",))
        check_finite(self.name, target)

    def _read(self, target: Tensor) -> Tensor:
        """Numbers of any type, [B] or [B, 1], NaN where missing."""
        return real_numbers(target, 1)

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry a label, bool [B]."""
        return ~target.isnan()

    def alike(self) -> Hashable:
        """Real numbers with one kind of loss are alike, whatever their means and scales."""
        return (Regression, self.kind) if type(self) is Regression else None

    @property
    def unit(self) -> tuple[float, float]:
        """Mean and scale."""
        return self.mean, self.scale

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        return self.scaled_loss(output, (target - self.mean) / self.scale)

    def scaled_loss(self, output: Tensor, scaled: Tensor) -> Tensor:
        """The loss of each sample, float [B], from scaled targets."""
        return distance(hide(output[:, 0] - scaled, self.present(scaled)), self.kind)

    def predict(self, output: Tensor) -> Tensor:
        """The value in the user's unit, [B]."""
        return output[:, 0] * self.scale + self.mean

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric over samples whose label is present."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric, self.metrics)
        return score_columns(
            metric, self.predict(output.detach().double())[:, None], target.detach()[:, None]
        )
