"""Every task's gradients at some places of the graph of their losses.

A graph with convolutions is run through once for each task: on a CPU that is faster than together. Of any other graph
each task's own part, its head, is run through alone, down to where it meets another task's; from there the tasks'
gradients go on together, in one backward pass (`torch.vmap` over it). Where an operation has no such batched form, or a
head reads two depths of the trunk, the graph is run through once for each task too.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node

from auxin.math.graphs import graph_edges

Found = list[Tensor | None]
Slopes = Sequence[Tensor | None] | None


def task_gradients(means: Sequence[Tensor], inputs: Sequence[Any], slopes: Slopes = None) -> Found:
    """The gradients of every task's mean loss at each input, [T, ...]; None where no task reaches it.

    Args:
        means: The losses, scalars with their graphs, which are kept.
        inputs: tensors, or places of the graph.
        slopes: Gradients that the passes start with (None: 1). The losses may then be tensors on the way to them.

    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> hidden = 2 * w
    >>> task_gradients([hidden.sum(), hidden[0] * 3], [w])
    [tensor([[2., 2.],
            [6., 0.]])]
    """
    slopes = slopes or [None] * len(means)
    if len(means) > 1 and not any("Convolution" in node.name() for node, _, _ in graph_edges(means)):
        try:
            return _together(means, inputs, slopes)
        except (RuntimeError, NotImplementedError):
            pass  # an operation without a batched backward, or an input in one task's own part
    pairs = zip(means, slopes, strict=True)
    found = [
        torch.autograd.grad(m, inputs, slope, retain_graph=True, allow_unused=True) for m, slope in pairs
    ]
    return [_stacked(column) for column in zip(*found, strict=True)]


def _together(means: Sequence[Tensor], inputs: Sequence[Any], slopes: Sequence[Tensor | None]) -> Found:
    edges = [GradientEdge(mean.grad_fn, mean.output_nr) for mean in means if mean.grad_fn is not None]
    common = _common([edge.node for edge in edges])
    if not all(_node(place) in common for place in inputs):
        raise RuntimeError("An input is reached by one task alone")
    meeting: dict[tuple[Node, int], None] = {}
    own = []
    for mean, edge, slope in zip(means, edges, slopes, strict=True):
        places = _entrances(edge, common)
        meeting.update(dict.fromkeys(places))
        own.append(_own_part(mean, edge, places, slope))
    joined = {joint: _stacked([part.get(joint) for part in own]) for joint in meeting}
    starts = {joint: grads for joint, grads in joined.items() if grads is not None}
    outputs: Any = [GradientEdge(node, place) for node, place in starts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of operations that are batched by a loop: slow, not wrong
        found = torch.autograd.grad(
            outputs,
            inputs,
            list(starts.values()),
            retain_graph=True,
            allow_unused=True,
            is_grads_batched=True,
        )
    return list(found)


@dataclass(frozen=True)
class LinearHead:
    """A linear layer in the graph whose output is at hand.

    Attributes:
        place: Where its inputs are made in the graph.
        columns: Its weight, transposed, [M, C].
        parameters: The nodes of its bias and weight.
    """

    place: tuple[Node, int]
    columns: Tensor
    parameters: tuple[Node | None, Node | None]


def linear_head(output: Tensor) -> LinearHead | None:
    """The linear layer that made this output; None where something else did, or where a hook changes its gradient.

    >>> head = linear_head(torch.nn.Linear(3, 2)(torch.ones(4, 3, requires_grad=True)))
    >>> head.columns.shape
    torch.Size([3, 2])
    """
    node: Any = output.grad_fn
    if node is None or node.name() != "AddmmBackward0" or node._saved_alpha != 1 or output._backward_hooks:
        return None
    bias, inputs, weight = node.next_functions
    if inputs[0] is None:
        return None
    below = weight[0]
    if below is not None and below.name() == "TBackward0":
        below = below.next_functions[0][0]
    return LinearHead(inputs, node._saved_mat2.detach(), (bias[0], below))


def _own_part(
    mean: Tensor, edge: GradientEdge, places: Sequence[tuple[Node, int]], slope: Tensor | None
) -> dict[Any, Tensor | None]:
    """The gradients of one task at the places where its own part of the graph ends."""
    if (edge.node, edge.output_nr) in places:
        return {(edge.node, edge.output_nr): torch.ones_like(mean) if slope is None else slope}
    if slope is not None and (head := linear_head(mean)) is not None and places == [head.place]:
        return {head.place: slope @ head.columns.T}
    if len(places) > 1 and _nested(places):
        raise RuntimeError("A gradient at one of these places includes what comes through another")
    ends: Any = [GradientEdge(node, place) for node, place in places]
    return dict(
        zip(places, torch.autograd.grad(mean, ends, slope, retain_graph=True, allow_unused=True), strict=True)
    )


def _stacked(gradients: Sequence[Tensor | None]) -> Tensor | None:
    there = next((g for g in gradients if g is not None), None)
    if there is None:
        return None
    return torch.stack([torch.zeros_like(there) if g is None else g for g in gradients])


def _common(roots: Sequence[Node]) -> set[Node]:
    """The nodes that two tasks or more reach."""
    owner: dict[Node, int] = {}
    common: set[Node] = set()
    for task, root in enumerate(roots):
        ahead = [root]
        while ahead:
            node = ahead.pop()
            if node in common or owner.get(node) == task:
                continue
            if node in owner:
                common.add(node)
            else:
                owner[node] = task
            ahead += [child for child, _ in node.next_functions if child is not None]
    return common


def _entrances(edge: GradientEdge, common: set[Node]) -> list[tuple[Node, int]]:
    """Where one task's own part ends: the places of common nodes that it leads to directly."""
    if edge.node in common:
        return [(edge.node, edge.output_nr)]
    found: dict[tuple[Node, int], None] = {}
    ahead, seen = [edge.node], {edge.node}
    while ahead:
        for child, place in ahead.pop().next_functions:
            if child in common:
                found[child, place] = None
            elif child is not None and child not in seen:
                seen.add(child)
                ahead.append(child)
    return list(found)


def _nested(places: Sequence[tuple[Node, int]]) -> bool:
    """Whether one of these places is made of another, as where a head reads two depths of the trunk."""
    nodes = {node for node, _ in places}
    ahead, seen = list(nodes), set[Node]()
    while ahead:
        below = {child for child, _ in ahead.pop().next_functions if child is not None}
        if not nodes.isdisjoint(below):
            return True
        ahead += below - seen
        seen |= below
    return False


def _node(place: Any) -> Node:
    if isinstance(place, GradientEdge):
        return place.node
    return torch.autograd.graph.get_gradient_edge(place).node
