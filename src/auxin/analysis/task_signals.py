"""How much each task weighs in the training loss, and whether its gradient points the main task's way."""

from collections.abc import Sequence

import torch
from torch import Tensor

from auxin.combiners.base import TaskLosses
from auxin.math.functional import still
from auxin.math.rng import save_rng, under_rng
from auxin.models.base import PrimaryNetwork
from auxin.training.objective import Objective
from auxin.typing import Batch

ByTask = dict[str, float]


def weights_and_cosines(network: PrimaryNetwork, criterion: Objective, batch: Batch) -> tuple[ByTask, ByTask]:
    """Weight of each task in the training loss, and cosine of each auxiliary task's gradient with the main task's.

    A weight is dL_T / d(mean loss of the task), since a nonlinear combiner is an adaptive linear one with weights
    dg/dl_k (Navon et al. 2021, section 3.2). A cosine is that of the whole gradients over all shared parameters (Liu,
    Davison, Johns 2019, section 4.4 and figures 4 and 7; the authors' code averages cosines over rows of parameter
    tensors, which weights a bias like a convolution). One forward pass serves both. Neither buffers nor the random
    state move.

    Args:
        network: The primary network, in whatever mode it is.
        criterion: Criterion with the tasks, the labeler and the combiner.
        batch: The rows to look at.

    Returns:
        The weights by task, the main one included, of the tasks that the rows have labels of (self-made tasks make
        their own rows in training); empty where the combiner needs gradients that no training step has left yet. The
        cosines by auxiliary task, each from -1 to 1; NaN where a gradient is zero or the task has no label here.
    """
    with under_rng(save_rng()), still([network]), torch.enable_grad():
        with torch.no_grad():
            context = criterion.context(batch)
        losses = criterion.losses(network(batch.x), batch, context)
        shared = network.shared_parameters()
        main, *others = (_flat(loss, shared) for loss in losses.means())
        weights = _weights(criterion, losses)
    return weights, {name: _cosine(main, g) for name, g in zip(criterion.names[1:], others, strict=True)}


def _weights(criterion: Objective, losses: TaskLosses) -> ByTask:
    if criterion.combiner.needs_gramian and criterion.gramian is None:
        return {}
    constant = TaskLosses(losses.values.detach(), losses.present, losses.names)
    with torch.no_grad():
        weights = criterion.combiner.task_weights(constant, criterion.gramian)
    seen = losses.seen().tolist()
    return {name: w for name, w, has in zip(criterion.names, weights.tolist(), seen, strict=True) if has}


def _flat(loss: Tensor, shared: Sequence[Tensor]) -> Tensor:
    grads = torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in grads])


def _cosine(a: Tensor, b: Tensor) -> float:
    return float((a @ b) / (a.norm() * b.norm()))
