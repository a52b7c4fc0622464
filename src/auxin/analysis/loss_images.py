"""Loss images: every task's loss at every pixel, and the adaptive pixel weight that a combiner gives."""

from torch import Tensor

from auxin.combiners.base import LossCombiner, TaskLosses
from auxin.errors import ConfigError


def loss_images(combiner: LossCombiner, losses: TaskLosses) -> dict[str, Tensor]:
    """What figure 3 of Navon et al. 2021 shows: the main loss, the auxiliaries' sum, sum_j dL_T/dl_j, per pixel.

    Args:
        combiner: The learned combination.
        losses: Loss images [B, T, H, W].

    Returns:
        `main`, `auxiliary` and `weight`, each [B, H, W], detached. The weight is in units of the mean: 1 is what
        every pixel has where the combiner is the main task's plain mean.

    Raises:
        ConfigError: The losses are not images.

    >>> import torch
    >>> from auxin.combiners.base import TaskLosses
    >>> from auxin.combiners.equal import Equal
    >>> losses = TaskLosses(torch.ones(2, 2, 4, 4), torch.ones(2, 2, 4, 4) > 0, ("seg", "edges"))
    >>> loss_images(Equal(2), losses)["weight"].unique().tolist()
    [2.0]
    """
    if losses.values.dim() != 4:
        found = f"losses of shape {list(losses.values.shape)}"
        raise ConfigError("Loss images are needed", expected="[B, T, H, W]", found=found)
    values = losses.values.detach()
    weight = combiner.sensitivities(losses) * losses.present
    return {
        "main": values[:, 0],
        "auxiliary": values[:, 1:].sum(1),
        "weight": weight.sum(1) * weight[:, 0].numel(),
    }
