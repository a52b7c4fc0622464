"""What the kinds of task with real-valued targets share: scales, distances, metrics."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.math import metrics as _metrics

LOSSES = ("squared", "pseudo_huber")
METRICS: dict[str, Callable[[Tensor, Tensor], float]] = {
    "r2": _metrics.r2,
    "mae": _metrics.mae,
    "rmse": _metrics.rmse,
}


def distance(difference: Tensor, kind: str) -> Tensor:
    """d^2, or 2 (sqrt(1 + d^2) - 1), of every entry (`mse_loss` refuses forward over reverse)."""
    square = difference.pow(2)
    return square if kind == "squared" else 2 * ((1 + square).sqrt() - 1)


def check_scales(task: str, means: Sequence[float], scales: Sequence[float], size: int = 1) -> None:
    """Refuse scales that are not positive numbers, and anything but one mean and scale per component."""
    good = all(0 < s < float("inf") for s in scales) and all(abs(m) < float("inf") for m in means)
    if not good or len(means) != size or len(scales) != size:
        raise ConfigError(
            f"The means and scales of task {task!r} are not usable",
            expected=f"{size} finite means and {size} positive scales",
            found=f"{list(means)} and {list(scales)}",
        )


def spread(target: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of the entries that are not NaN; a deviation of 0 reads 1."""
    kept = target[~target.isnan()].double()
    if len(kept) == 0:
        return 0.0, 1.0
    return float(kept.mean()), float(kept.std(correction=0)) or 1.0


def score_columns(metric: str, predicted: Tensor, true: Tensor) -> float:
    """The metric of each column over its entries that are not NaN, averaged over columns with a value."""
    kept = ~true.isnan()
    columns = [k for k in range(true.shape[1]) if bool(kept[:, k].any())]
    pairs = [(predicted[kept[:, k], k].double(), true[kept[:, k], k].double()) for k in columns]
    return _metrics.nan_mean([METRICS[metric](*pair) for pair in pairs])


def like(values: Sequence[float], tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Numbers as a tensor of this shape, of the type and on the device of another."""
    return torch.tensor(values, dtype=tensor.dtype, device=tensor.device).reshape(shape)
