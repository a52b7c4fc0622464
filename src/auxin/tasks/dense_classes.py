"""One class for every pixel: semantic segmentation."""

from collections.abc import Sequence

from torch import Tensor

from auxin.catalogue import check_choice
from auxin.math import metrics as metrics_of
from auxin.tasks._checks import check_labels, check_shape, class_numbers, mean_present
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes


class DenseClasses(Task):
    """A task whose label is one of C classes for every pixel; a sample's loss is its labelled pixels' mean.

    AuxiLearn's authors take the mean over all pixels, so that a sparsely labelled image counts less; here a
    pixel without a label counts nowhere.

    Args:
        name: The task's name.
        width: C, at least 2.
        loss: "cross_entropy" or "focal", per pixel as `Classes` has it.
        gamma: The focusing exponent of "focal".
        label_names: The classes' names, for reports; their numbers where not given.
        class_weights: A factor for each class's share of the loss; 1 where not given.

    Targets: int64 [B, H, W], -1 where missing; or float [B, C, H, W], NaN where missing.
    Metrics: miou (over the classes that occur or were predicted, all pixels of all images together),
    accuracy (of pixels), part_iou (the same within each image or cloud, over the classes that occur or were predicted
    there, averaged over images: the measure of part segmentation).

    >>> import torch
    >>> task = DenseClasses("scene", 2)
    >>> task.loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[1, -1]]]))  # log 2 for the one labelled pixel
    tensor([0.6931])
    """

    metrics = ("miou", "accuracy", "part_iou")
    dense = True

    def __init__(
        self,
        name: str,
        width: int,
        loss: str = "cross_entropy",
        gamma: float = 2.0,
        label_names: Sequence[str] | None = None,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(name, width)
        self._pixel = Classes(name, width, loss, gamma, label_names, class_weights)
        self.label_names = self._pixel.label_names

    def weighted(self, weights: Sequence[float]) -> "DenseClasses":
        """The same task with a factor for each class's share of the loss."""
        loss = "focal" if self._pixel.gamma else "cross_entropy"
        return type(self)(self.name, self.width, loss, self._pixel.gamma, self.label_names, weights)

    def check(self, target: Tensor) -> None:
        """Refuse labels outside the classes, and soft targets that are no distributions."""
        if target.is_floating_point():
            check_shape(self.name, target, ("B", self.width, "H", "W"))
            return self._pixel.check(_rows(target))
        check_shape(self.name, target, ("B", "H", "W"))
        return check_labels(self.name, target, self.width)

    def _read(self, target: Tensor) -> Tensor:
        """Class numbers per pixel of any type (NaN or below zero where missing), or distributions [B, C, H, W]."""
        soft = target.is_floating_point() and target.dim() == 4 and target.shape[1] == self.width
        return target if soft else class_numbers(self.name, target, 3)

    @staticmethod
    def pixels(target: Tensor) -> Tensor:
        """Which pixels carry a label, bool [B, H, W]."""
        return ~target.isnan().any(1) if target.is_floating_point() else target >= 0

    def present(self, target: Tensor) -> Tensor:
        """Which samples carry a label for any pixel, bool [B]."""
        return self.pixels(target).flatten(1).any(1)

    def loss_image(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each pixel, float [B, H, W]; zero, with zero gradient, where the label is missing."""
        rows = _rows(target) if target.is_floating_point() else target.flatten()
        return self._pixel.loss(_rows(output), rows).reshape(output.shape[0], *output.shape[2:])

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of each sample, float [B]."""
        return mean_present(self.loss_image(output, target), self.pixels(target))

    def predict(self, output: Tensor) -> Tensor:
        """The most likely class of each pixel, int64 [B, H, W]."""
        return output.argmax(1)

    def probabilities(self, output: Tensor) -> Tensor:
        """The probability of each class at each pixel, [B, C, H, W]."""
        return output.softmax(1)

    def score(self, output: Tensor, target: Tensor, metric: str | None = None) -> float:
        """The metric over all pixels whose label is present."""
        metric = metric or self.metrics[0]
        check_choice("metric", metric, self.metrics)
        kept = self.pixels(target)
        if not bool(kept.any()):
            return metrics_of.NAN
        labels = target.argmax(1) if target.is_floating_point() else target
        said, true = self.predict(output.detach())[kept], labels[kept]
        if metric == "accuracy":
            return metrics_of.accuracy(said, true)
        if metric == "part_iou":
            tables = [
                metrics_of.confusion(o[k], t[k], self.width)
                for o, t, k in zip(self.predict(output.detach()), labels, kept, strict=True)
                if bool(k.any())
            ]
            return metrics_of.nan_mean([metrics_of.mean_iou(table) for table in tables])
        return metrics_of.mean_iou(metrics_of.confusion(said, true, self.width))


def _rows(maps: Tensor) -> Tensor:
    """[B, C, H, W] to [B H W, C]."""
    return maps.movedim(1, -1).flatten(0, -2)
