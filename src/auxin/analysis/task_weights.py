"""How much each task weighs in the training loss: dL_T / d(mean loss of the task), over training."""

import torch
from torch import nn

from auxin.math.functional import still
from auxin.math.rng import save_rng, under_rng
from auxin.training.objective import Objective
from auxin.typing import Batch


def task_weights(network: nn.Module, criterion: Objective, batch: Batch) -> dict[str, float]:
    """The combiner's weights on a batch, by task; neither buffers nor the random state move.

    Navon et al. 2021, section 3.2: a nonlinear combiner is an adaptive linear one, with weights dg/dl_k.

    Args:
        network: The primary network, in whatever mode it is.
        criterion: Criterion with the tasks, the labeler and the combiner.
        batch: The rows to look at.

    Returns:
        The weights by task, the main one included, of the tasks that the rows have labels of (self-made tasks make
        their own rows in training); empty where the combiner needs gradients that no training step has left yet.
    """
    if criterion.combiner.needs_gramian and criterion.gramian is None:
        return {}
    with under_rng(save_rng()), still([network]), torch.no_grad():
        losses = criterion.losses(network(batch.x), batch, criterion.context(batch))
        weights = criterion.combiner.task_weights(losses, criterion.gramian)
    seen = losses.seen().tolist()
    return {name: w for name, w, has in zip(criterion.names, weights.tolist(), seen, strict=True) if has}
