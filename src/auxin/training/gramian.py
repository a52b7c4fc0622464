"""Inner products of the tasks' gradients over shared parameters, at less than one full backward pass per task.

**All of them.** Of a layer y = x W^T with N rows of inputs, task i's gradient is D_i^T x, D_i its gradient at the
layer's output, [N, C]. So <grad_i, grad_j> = sum over entries of D_i * (x x^T D_j), and where N is smaller than the
number of W's columns no gradient of W is ever made. Linear layers and two-dimensional convolutions (x being the
patches) are found by walking the graph of the losses; a linear layer's gradients, where they are made, are one matrix
product for all tasks. For everything else (early convolutions with many positions, biases, normalisation, embeddings,
recurrent weights, weights used twice or under autocast) autograd makes the tasks' gradients and they are multiplied.

**The main task's row alone.** A backward pass, sum_k J_k^T v_k, is linear in the gradients v_k at the outputs o_k. Its
derivative in v_k along grad l_0 is J_k grad l_0, which times dl_k/do_k is <grad l_0, grad l_k>: one backward pass for
grad l_0 and one through that pass, however many tasks there are. It needs operations that can be differentiated twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge
from torch.nn import functional as F

from auxin.math.graphs import Use, linear_inputs, only_uses
from auxin.math.params import leaves
from auxin.training.task_gradients import Slopes, linear_head, task_gradients

Means = Sequence[Tensor | None]


def gramian(means: Means, shared: Sequence[Tensor], slopes: Slopes = None) -> Tensor:
    """<grad l_i, grad l_j> over the shared parameters, [T, T], constant.

    Args:
        means: The tasks' mean losses with their graphs, which are kept; None for a task without a label in the batch,
            whose row and column are zero. Or a tensor on the way to it, such as the task's output.
        shared: Shared parameters.
        slopes: The mean losses' gradients at those tensors (None: 1, of the mean losses themselves).

    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> gramian([w[0] * 3, w.sum(), None], [w]).tolist()
    [[9.0, 3.0, 0.0], [3.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    """
    there = {k: mean for k, mean in enumerate(means) if mean is not None and mean.requires_grad}
    found = torch.zeros(len(means), len(means), dtype=shared[0].dtype, device=shared[0].device)
    if not there:
        return found
    live = list(there)
    layers = _layers(list(there.values()), shared, len(live))
    whole = [p for p in shared if id(p) not in layers]
    edges = [layer.edge for layer in layers.values()]
    grads = task_gradients(list(there.values()), [*edges, *whole], _of(live, slopes))
    block = torch.zeros_like(found[: len(live), : len(live)])
    for layer, grad in zip([*layers.values(), *([None] * len(whole))], grads, strict=True):
        if grad is not None:
            flat = grad.flatten(1)
            block += flat @ flat.T if layer is None else layer.products(grad)
    index = torch.tensor(live, device=found.device)
    found[index[:, None], index] = block
    return found


def main_row(means: Means, shared: Sequence[Tensor], slopes: Slopes = None) -> Tensor:
    """<grad l_0, grad l_k> over the shared parameters for every k, [T], constant. Arguments as in `gramian`.

    Raises:
        RuntimeError: An operation cannot be differentiated twice.

    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> main_row([w[0] * 3, w.sum(), None], [w]).tolist()
    [9.0, 3.0, 0.0]
    """
    found = torch.zeros(len(means), dtype=shared[0].dtype, device=shared[0].device)
    if means[0] is None or not means[0].requires_grad:
        return found
    live = {k: mean for k, mean in enumerate(means) if mean is not None and mean.requires_grad}
    ends, slopes = list(live.values()), _of(live, slopes) or [None] * len(live)
    row = _row_from_heads(ends, shared, slopes)
    found[torch.tensor(list(live), device=found.device)] = (
        _row_from_outputs(ends, shared, slopes) if row is None else row
    )
    return found


def _row_from_outputs(
    ends: Sequence[Tensor], shared: Sequence[Tensor], slopes: Sequence[Tensor | None]
) -> Tensor:
    given = [torch.ones_like(m) if s is None else s for m, s in zip(ends, slopes, strict=True)]
    tangents = _there_and_back(ends, [given[0], *map(torch.zeros_like, given[1:])], shared)
    pairs = zip(tangents, given, strict=True)
    return torch.stack([torch.dot(t.flatten().to(shared[0]), s.flatten().to(shared[0])) for t, s in pairs])


def _row_from_heads(
    ends: Sequence[Tensor], shared: Sequence[Tensor], slopes: Sequence[Tensor | None]
) -> Tensor | None:
    """The same where the tasks part at linear layers of their own: both passes begin at these layers' inputs.

    None where the tasks part elsewhere.
    """
    given = [s for s in slopes if s is not None]
    heads = [head for end in ends if (head := linear_head(end)) is not None]
    if not len(given) == len(heads) == len(ends) or len({head.place for head in heads}) > 1:
        return None
    node, place = heads[0].place
    wanted = {id(p) for p in shared}
    own = [id(getattr(n, "variable", shared[0])) for head in heads for n in head.parameters if n is not None]
    if hasattr(node, "variable") or not wanted.isdisjoint(own):
        return None
    start: Any = GradientEdge(node, place)
    [tangent] = _there_and_back([start], [given[0] @ heads[0].columns.T], shared)
    products = (tangent @ torch.cat([head.columns for head in heads], 1)).to(shared[0])
    row = (products * torch.cat(given, 1)).sum(0)
    return torch.stack([part.sum() for part in row.split([end.shape[1] for end in ends])])


def _there_and_back(starts: Sequence[Any], seeds: Sequence[Tensor], shared: Sequence[Tensor]) -> list[Tensor]:
    """J J^T seeds, J the derivative of the places `starts` by the shared parameters, one for each place."""
    at = leaves(seeds)
    grads = torch.autograd.grad(
        starts, list(shared), at, create_graph=True, allow_unused=True, materialize_grads=True
    )
    moving = [grad for grad in grads if grad.requires_grad]
    along = [grad.detach() for grad in moving]
    return list(torch.autograd.grad(moving, at, along, retain_graph=True, materialize_grads=True))


def _of(live: Iterable[int], slopes: Slopes) -> Slopes:
    return None if slopes is None else [slopes[k] for k in live]


@dataclass(frozen=True)
class _Layer:
    """A linear map y = x W^T in the graph: where its output's gradient is read, and its inputs.

    Attributes:
        edge: The output's place in the graph.
        inputs: Inputs x, [N, M].
        rows: Function from the tasks' gradients at the output, [T, ...], to [T, N, C].
    """

    edge: GradientEdge
    inputs: Callable[[], Tensor]
    rows: Callable[[Tensor], Tensor]

    def products(self, gradients: Tensor) -> Tensor:
        """The tasks' Gramian over this layer's weight, [T, T], from their gradients at its output."""
        inputs, outputs = self.inputs(), self.rows(gradients)
        if len(inputs) > inputs.shape[1]:
            slopes = (inputs.T @ outputs).flatten(1)
            return slopes @ slopes.T
        return outputs.flatten(1) @ (inputs @ inputs.T @ outputs).flatten(1).T


def _layers(means: Sequence[Any], shared: Sequence[Tensor], tasks: int) -> dict[int, _Layer]:
    """The layers whose weight's gradient need not be made, by the weight's id."""
    wanted = {id(p): p for p in shared}
    found = {key: _layer(use, wanted[key], tasks) for key, use in only_uses(means, shared).items()}
    return {key: layer for key, layer in found.items() if layer is not None}


def _layer(use: Use, weight: Tensor, tasks: int) -> _Layer | None:
    """The layer that a weight enters; None where it is of no known form, or where its gradients cost less."""
    node, place = use
    if (node.name(), place) == ("ConvolutionBackward0", 1):
        return _convolution(node, weight, tasks)
    name = linear_inputs(use)
    inputs = getattr(node, f"_saved_{name}") if name else None
    return None if inputs is None else _Layer(GradientEdge(node, 0), inputs.detach, lambda g: g)


def _convolution(node: Any, weight: Tensor, tasks: int) -> _Layer | None:
    inputs = node._saved_input
    if inputs.dim() != 4 or weight.dim() != 4 or node._saved_groups != 1 or node._saved_transposed:
        return None
    stride, padding, dilation = node._saved_stride, node._saved_padding, node._saved_dilation
    sides = weight.shape[2:]
    spans = zip(inputs.shape[2:], padding, dilation, sides, stride, strict=True)
    positions = [(size + 2 * pad - gap * (side - 1) - 1) // jump + 1 for size, pad, gap, side, jump in spans]
    if not _cheaper(len(inputs) * positions[0] * positions[1], weight, tasks):
        return None

    def patches() -> Tensor:
        unfolded = F.unfold(inputs.detach(), tuple(sides), dilation, padding, stride)
        return unfolded.transpose(1, 2).flatten(0, 1)

    return _Layer(GradientEdge(node, 0), patches, lambda g: g.flatten(3).transpose(2, 3).flatten(1, 2))


def _cheaper(rows: int, weight: Tensor, tasks: int) -> bool:
    """Whether N x N products over the rows of inputs cost less than the tasks' gradients of the weight."""
    outputs = len(weight)
    columns = weight.numel() // outputs
    made = tasks * rows * columns * outputs + tasks**2 * columns * outputs
    return rows**2 * columns + tasks * rows**2 * outputs + tasks**2 * rows * outputs < made
