"""Does an auxiliary loss pull the shared parameters the way the main loss does? The cosine of their gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor

from auxin.math.functional import still
from auxin.math.rng import save_rng, under_rng
from auxin.models._base import PrimaryNetwork
from auxin.training.objective import Objective
from auxin.typing import Batch


def gradient_cosine(network: PrimaryNetwork, criterion: Objective, batch: Batch) -> dict[str, float]:
    """The cosine between each auxiliary task's gradient and the main task's, on the shared parameters.

    Liu, Davison, Johns 2019, section 4.4 and figures 4 and 7. Ours is the cosine of the whole gradient over all
    shared parameters; the authors' code averages cosines over rows of parameter tensors, which weights a bias
    like a convolution. Neither buffers nor the random state move.

    Args:
        network: The primary network, in whatever mode it is.
        criterion: Criterion with the tasks and the labeler.
        batch: The rows to look at.

    Returns:
        By auxiliary task, a number from -1 to 1; NaN where a gradient is zero or the task has no label here.
    """
    shared = network.shared_parameters()
    with under_rng(save_rng()), still([network]), torch.enable_grad():
        with torch.no_grad():
            context = criterion.context(batch)
        losses = criterion.losses(network(batch.x), batch, context).means()
        main = _flat(losses[0], shared)
        others = [_flat(loss, shared) for loss in losses[1:]]
    return {name: _cosine(main, g) for name, g in zip(criterion.names[1:], others, strict=True)}


def _flat(loss: Tensor, shared: Sequence[Tensor]) -> Tensor:
    grads = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in grads])


def _cosine(a: Tensor, b: Tensor) -> float:
    return float((a @ b) / (a.norm() * b.norm()))
