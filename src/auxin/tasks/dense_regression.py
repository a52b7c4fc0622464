"""Real numbers for every pixel: depth, surface normals, colour statistics, reconstructions."""

from torch import Tensor

from auxin.catalogue import check_choice
from auxin.math.missing import hide
from auxin.tasks._checks import check_finite, check_shape, check_size, mean_present, real_numbers
from auxin.tasks._real import LOSSES, METRICS, check_scales, distance, score_columns, spread
from auxin.tasks.base import Task


class DenseRegression(Task):
    """A task whose label is D real numbers for every pixel; a sample's loss is its labelled pixels' mean.

    The head predicts (y - mean) / scale; a pixel is labelled where all of its D numbers are, and its loss is
    the mean over them of d^2 (or pseudo-Huber, see `regression`).

    Args:
        name: The task's name.
        width: D, at least 1.
        mean: subtracted from the targets, in their unit.
        scale: What the targets are divided by, in their unit, positive.
        loss: "squared" or "pseudo_huber".

    Targets: float [B, D, H, W], or [B, H, W] where D is 1; NaN where missing.
    Metrics, in the user's unit, over all pixels, averaged over the D numbers: r2, mae and rmse (negated).

    >>> import torch
    >>> task = DenseRegression("depth", 1)
    >>> task.loss(torch.zeros(1, 1, 1, 2), torch.tensor([[[3.0, float("nan")]]]))
    tensor([9.])
    """

    metrics = tuple(METRICS)
    dense = True

    def __init__(
        self, name: str, width: int, mean: float = 0.0, scale: float = 1.0, loss: str = "squared"
    ) -> None:
        check_size(name, "numbers per pixel", width, 1)
        check_choice("loss", loss, LOSSES)
        check_scales(name, [mean], [scale])
        super().__init__(name, width)
        self.mean = mean
        self.scale = scale
        self.kind = loss

    @classmethod
    def fit(cls, name: str, target: Tensor, loss: str = "squared") -> "DenseRegression":
        """The task with mean and standard deviation of the training targets."""
        return cls(name, 1 if target.dim() == 3 else target.shape[1], *spread(target), loss)

    def check(self, target: Tensor) -> None:
        """Refuse anything but maps of finite numbers, NaN where missing."""
        one = self.width == 1 and target.dim() == 3
        check_shape(self.name, target, ("B", "H", "W") if one else ("B", self.width, "H", "W"))
        check_finite(self.name, target)

    def _read(self, target: Tensor) -> Tensor:
        """Maps of numbers of any type, NaN where missing."""
        return real_numbers(target, 4)

    @staticmethod
    def pixels(target: Tensor) -> Tensor:
        """Which pixels carry a label, bool [B, H, W]."""
        return ~_maps(target).isnan().any(1)

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry a label for any pixel, bool [B]."""
        return self.pixels(target).flatten(1).any(1)

    def loss_image(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each pixel, float [B, H, W]; zero, with zero gradient, where the label is missing."""
        difference = output - (_maps(target) - self.mean) / self.scale
        return distance(hide(difference.movedim(1, -1), self.pixels(target)), self.kind).mean(-1)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        return mean_present(self.loss_image(output, target), self.pixels(target))

    def predict(self, output: Tensor) -> Tensor:
        """The maps in the user's unit, [B, D, H, W]."""
        return output * self.scale + self.mean

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric over all pixels whose label is present."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric, self.metrics)
        kept = self.pixels(target)
        said = self.predict(output.detach().double()).movedim(1, -1)[kept]
        return score_columns(metric, said, _maps(target.detach()).movedim(1, -1)[kept])


def _maps(target: Tensor) -> Tensor:
    return target.unsqueeze(1) if target.dim() == 3 else target
